import type { Context } from 'hono'
import type { Clock, Logger } from 'rivulet'
import {
  AnswerCache,
  answerOf,
  badParameter,
  type Parameters,
  parametersOf,
  sendFile,
  serveFiles,
  unavailable,
  type Web,
} from 'rivulet/app'
import { candles, type OpenCandle } from './candles.ts'
import { decodeCursor, encodeCursor, reaches } from './cursor.ts'
import { historyColumns, historyRows } from './history-format.ts'
import { cursorOf, symbolsOf } from './market-parameters.ts'
import type { Cursor, MarketQueries } from './market-queries.ts'
import { type MarketLabel, marketPage, type PageName, pageFiles } from './pages.ts'
import { TickFeed } from './tick-feed.ts'
import { tickStream } from './tick-stream.ts'

export interface MarketApiOptions {
  /** `label` is shown on the page, such as `Live · Coinbase` or `Simulated market, seed 7`. */
  readonly market: MarketLabel
  readonly queries: MarketQueries
  /** The minutes that are still open, from the window store, until their rows are in the table. Default: none. */
  readonly openCandles?: () => readonly OpenCandle[]
  readonly clock: Clock
  readonly logger: Logger
  /** What `/` shows. */
  readonly page: PageName
}

const intervalsSeconds = ['60', '300', '900', '3600', '21600', '86400'] as const
const minutesMax = 100 * 366 * 1440
const minuteMs = 60_000
const positionSharedMs = 250
const cachedBytesMax = 16 * 1024 * 1024
const streamsMax = 500

/**
 * The market over HTTP, as the contract has it: JSON for reading, Server-Sent Events, the pages and their files. What only
 * depends on the tables is not asked again while the tables stand.
 */
export function marketApi(web: Web, options: MarketApiOptions): void {
  const { market, queries, clock, logger } = options
  const cache = new AnswerCache({ bytesMax: cachedBytesMax })
  const feed = new TickFeed({ queries, clock, logger })

  // Who asks while the position is being asked for gets the same answer: many pages cost as much as a few. Not so
  // when it hangs: then a database that is back would not be noticed.
  let asking: { readonly position: Promise<Cursor>; readonly sinceMs: number } | null = null
  const positionNow = (): Promise<Cursor> => {
    if (asking && clock.now() - asking.sinceMs < positionSharedMs) return asking.position
    const asked = { position: queries.position(), sinceMs: clock.now() }
    asking = asked
    const forget = () => {
      if (asking === asked) asking = null
    }
    asked.position.then(forget, forget)
    return asked.position
  }

  /** Answers from the cache while the table of ticks stands where it stood. */
  const answer = async (
    context: Context,
    question: readonly unknown[],
    ask: () => Promise<unknown>,
    position?: Cursor,
  ) => {
    const version = encodeCursor(position ?? (await positionNow()))
    const key = JSON.stringify([context.req.path, ...question])
    return send(context, await cache.get(key, version, async () => jsonOf(await ask())))
  }

  /**
   * `minutes` before now, which in a replayed market is its newest trade. Cut to a full second, so that those who ask
   * within one second are answered by one query.
   */
  const sinceMsOf = async (minutes: number): Promise<number | null> => {
    if (minutes === 0) return null
    const nowMs =
      market.kind === 'replayed' ? await queries.newestMs() : Math.floor(clock.now() / 1000) * 1000
    return nowMs === null ? null : nowMs - minutes * minuteMs
  }

  web.get('/api/latest', (context) => {
    const symbols = symbolsOf(parametersOf(context))
    return answer(context, [symbols], () => queries.latest(symbols))
  })

  web.get('/api/history', async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const minutes = minutesOf(parameters) ?? 60
    const pointsMax = parameters.integer('points', { min: 2, max: 100_000 })
    const after = cursorOf(parameters, 'since')
    const format = parameters.oneOf('format', ['rows', 'columns']) ?? 'rows'
    const position = await positionNow()
    // A position that was asked for before this request came may be older than its cursor.
    if (after !== null && !reaches(position, after) && !reaches(await queries.position(), after)) {
      throw badParameter('since', 'is ahead of the data: it is not a cursor of this market')
    }
    const print = format === 'columns' ? historyColumns : historyRows
    const nothingNew = after !== null && reaches(after, position)
    if (nothingNew) {
      return send(context, answerOf(print({ symbols: [], timestampsUs: [], prices: [], cursor: after })))
    }
    const sinceMs = await sinceMsOf(minutes)
    const question = [symbols, sinceMs, pointsMax, after && encodeCursor(after), format]
    return answer(
      context,
      question,
      async () => print(await queries.history({ symbols, sinceMs, after, pointsMax })),
      position,
    )
  })

  web.get('/api/candles', async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const minutes = minutesOf(parameters) ?? 60
    const intervalSeconds = Number(parameters.oneOf('interval', intervalsSeconds) ?? 60)
    const sinceMs = await sinceMsOf(minutes)
    const nowMs = (market.kind === 'replayed' ? await queries.newestMs() : null) ?? clock.now()
    const question = { symbols, sinceMs, intervalSeconds, nowMs }
    return context.json(await candles(queries, options.openCandles ?? (() => []), question))
  })

  web.get('/api/recent', (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const limit = parameters.integer('limit', { min: 1, max: 1000 }) ?? 20
    return answer(context, [symbols, limit], () => queries.recent({ symbols, limit }))
  })

  web.get('/api/stats', async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const sinceMs = await sinceMsOf(minutesOf(parameters) ?? 0)
    return answer(context, [symbols, sinceMs], () => queries.stats({ symbols, sinceMs }))
  })

  web.get('/api/count', (context) => {
    const symbols = symbolsOf(parametersOf(context))
    return answer(context, [symbols], async () => ({ count: await queries.count(symbols) }))
  })

  web.get('/api/symbols', (context) => answer(context, [], () => queries.symbols()))

  web.get('/api/stream', async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const resumed = context.req.header('last-event-id')
    const since = resumed ? decodeCursor(resumed, 'Last-Event-ID') : cursorOf(parameters, 'since')
    if (feed.listeners >= streamsMax)
      return unavailable(context, 'BUFFER_FULL', `${streamsMax} streams are open`)
    const position = await queries.position()
    if (since !== null && !reaches(position, since)) {
      throw badParameter(
        resumed ? 'Last-Event-ID' : 'since',
        'is ahead of the data: it is not of this market',
      )
    }
    return tickStream(context, { feed, from: since ?? position, symbols, closing: context.env?.closing })
  })

  for (const [path, page] of [
    ['/', options.page],
    ['/crypto', 'crypto'],
    ['/stocks', 'stocks'],
  ] as const) {
    const file = marketPage(page, market)
    web.get(path, (context) => sendFile(context, file))
  }
  serveFiles(web, pageFiles())
}

function minutesOf(parameters: Parameters): number | null {
  return parameters.integer('minutes', { min: 0, max: minutesMax })
}

function jsonOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function send(
  context: Context,
  { json, etag: tag }: { readonly json: string; readonly etag: string },
): Response {
  return context.body(json, 200, { 'content-type': 'application/json', etag: tag })
}
