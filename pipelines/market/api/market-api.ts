import type { Clock, Logger, PipelineStatus } from 'rivulet'
import { parametersOf, sendFile, serveFiles, servePageFiles, type Web } from 'rivulet/app'
import type { OpenCandle } from './candles.ts'
import { candlesRoute } from './candles-route.ts'
import { historyRoute } from './history-route.ts'
import { MarketAnswers } from './market-answers.ts'
import { minutesOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'
import { marketRoute } from './market-route.ts'
import type { Outage } from './outages.ts'
import { type MarketLabel, marketPage, type PageName, pageNames } from './pages.ts'
import type { Past } from './past.ts'
import type { Product } from './products.ts'
import { streamRoute } from './stream-route.ts'
import { TickFeed } from './tick-feed.ts'

export interface MarketApiOptions {
  /** `label` is shown on the page, such as `Live · Coinbase` or `Simulated market, seed 7`. */
  readonly market: MarketLabel
  readonly queries: MarketQueries
  /** In their order, as much as is known of them by now. */
  readonly products: () => readonly Product[]
  /** When the market's feed was away, newest last. Default: never. */
  readonly outages?: () => readonly Outage[]
  /** What the exchange says of the time before. Default: nothing. */
  readonly past?: Past
  /** The minutes that are still open, from the window store, until their rows are in the table. Default: none. */
  readonly openCandles?: () => readonly OpenCandle[]
  /** How the pipeline is that fills the tables. */
  readonly pipeline: () => PipelineStatus
  readonly clock: Clock
  readonly logger: Logger
  /** What `/` shows. */
  readonly page: PageName
}

/**
 * The market over HTTP, as the contract has it: JSON for reading, Server-Sent Events, the pages and their files. What only
 * depends on the tables is not asked again while the tables stand.
 */
export function marketApi(web: Web, options: MarketApiOptions): void {
  const { queries, clock, logger } = options
  const answers = new MarketAnswers(options)

  web.get('/api/latest', (context) => {
    const symbols = symbolsOf(parametersOf(context))
    return answers.send(context, [symbols], () => queries.latest(symbols))
  })

  web.get('/api/market', marketRoute(answers, options))

  web.get('/api/history', historyRoute(answers, queries))

  web.get('/api/candles', candlesRoute(answers, options))

  web.get('/api/recent', (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const limit = parameters.integer('limit', { min: 1, max: 1000 }) ?? 20
    return answers.send(context, [symbols, limit], () => queries.recent({ symbols, limit }))
  })

  web.get('/api/stats', async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const sinceMs = await answers.sinceMs(minutesOf(parameters) ?? 0)
    return answers.send(context, [symbols, sinceMs], () => queries.stats({ symbols, sinceMs }))
  })

  web.get('/api/count', (context) => {
    const symbols = symbolsOf(parametersOf(context))
    return answers.send(context, [symbols], async () => ({ count: await queries.count(symbols) }))
  })

  web.get('/api/symbols', (context) => answers.send(context, [], () => queries.symbols()))

  web.get('/api/products', (context) => context.json(options.products()))

  web.get('/api/stream', streamRoute(new TickFeed({ queries, clock, logger }), queries))

  servePages(web, options)
}

/** A page of the name of another program's would show this one's trades under it: there is just the way to this page. */
function servePages(web: Web, { page, market }: MarketApiOptions): void {
  const shown = marketPage(page, market)
  const { document, files } = shown
  web.get('/', (context) => sendFile(context, document))
  for (const name of pageNames) {
    web.get(`/${name}`, (context) => (name === page ? sendFile(context, document) : context.redirect('/')))
  }
  serveFiles(web, files)
  servePageFiles(web, shown)
}
