import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Clock, type Logger, messageOf, RivuletError } from 'rivulet'
import type { Opening, Prepared, ProgramConfig, Progress } from 'rivulet/app'
import type { Outage } from './api/outages.ts'
import type { MarketKind, MarketLabel } from './api/pages.ts'
import { noPast, type Past } from './api/past.ts'
import type { Product } from './api/products.ts'
import { ExchangePast } from './coinbase/exchange-past.ts'
import { FeedOutages } from './coinbase/feed-outages.ts'
import { productCatalogue } from './coinbase/product-catalogue.ts'
import { startExchange } from './exchange-server/exchange.ts'
import type { Market } from './exchange-server/market.ts'
import { replayedMarket } from './exchange-server/replayed-market.ts'
import { simulatedMarket } from './exchange-server/simulated-market.ts'
import { chosenMarket, type marketSettings, seedOf, type syntheticMarketSettings } from './market-settings.ts'
import { stockInstruments } from './synthetic/instrument.ts'
import { quoteOf, symbolOf } from './trade.ts'

/** Where an exchange's trades are read from. */
export interface ExchangeFeed {
  readonly products: readonly string[]
  /** Whether several products may have one symbol, as in a recording. */
  readonly sharedSymbols: boolean
  readonly wsUrl: string
  readonly restUrl: string
}

/** The market of a run, and how its data is kept apart from that of others. */
export interface OpenMarket extends Prepared, MarketLabel {
  /** As much as is known of them by now. */
  readonly products: () => readonly Product[]
  /** When its feed was away. */
  readonly outages: () => readonly Outage[]
  /** What is known of the time before there was anything of one's own. */
  readonly past: Past
  /** How far a replay has come. */
  readonly replay?: () => Progress
  readonly folder: string
  readonly prefix: string
  readonly labels: { readonly market: MarketKind; readonly identity: string }
}

export interface OpenExchange extends OpenMarket {
  readonly feedOutages: FeedOutages
  readonly feed: ExchangeFeed
}

type MarketConfig = ProgramConfig<typeof marketSettings>

/** The feed of the real exchange, as configured. */
export function liveFeed({
  products,
  coinbaseWsUrl: wsUrl,
  coinbaseRestUrl: restUrl,
}: MarketConfig): ExchangeFeed {
  return { products, sharedSymbols: false, wsUrl, restUrl }
}

/** The real exchange, or a local one that simulates a market or replays a recording. */
export async function openExchange(
  program: string,
  opening: Opening<typeof marketSettings>,
): Promise<OpenExchange> {
  const { clock, logger } = opening
  const exchange = await chosenExchange(program, opening)
  const { products, restUrl } = exchange.feed
  logger.info({ market: exchange.kind, products }, exchange.label)
  const catalogue = productCatalogue({ products, restUrl, clock, logger })
  // It is asked now, so that pages which are opened later find the answer.
  catalogue()
  const feedOutages = new FeedOutages()
  const past = new ExchangePast({ products, restUrl, clock, logger })
  // A recording has no more of a past than what it tells.
  if (exchange.kind !== 'replayed') void past.load()
  const close = async () => {
    past.close()
    await exchange.close?.()
  }
  return { ...exchange, products: catalogue, feedOutages, outages: () => feedOutages.list, past, close }
}

/** A market that is synthetic always: nothing has to be opened for it. */
export async function openSyntheticMarket(
  program: string,
  { config, logger }: Opening<typeof syntheticMarketSettings>,
): Promise<OpenMarket> {
  const seed = seedOf(config)
  const label = `Synthetic market, seed ${seed}`
  logger.info({ market: 'simulated' }, label)
  return {
    ...marketOf(program, `${program}-${seed}`, 'simulated', label),
    prefix: `simulated-${program}`,
    products: () => stockProducts,
    outages: () => [],
    past: noPast,
  }
}

const stockProducts: readonly Product[] = stockInstruments.map(({ product, priceDecimals }) => ({
  product,
  symbol: symbolOf(product),
  quote: quoteOf(product),
  tick: Number(`1e-${priceDecimals}`),
  name: product,
}))

async function chosenExchange(
  program: string,
  { config, chosen, clock, logger }: Opening<typeof marketSettings>,
): Promise<Omit<OpenExchange, 'products' | 'outages' | 'feedOutages' | 'past'>> {
  const feed = liveFeed(config)
  const market = chosenMarket(config)
  if (market.kind === 'live')
    return { ...marketOf(program, 'live', 'live', 'Live · Coinbase'), prefix: '', feed }
  if (market.kind === 'simulated') {
    const { seed } = market
    const local = await serveMarket(simulatedMarket({ seed, products: feed.products, clock }), clock, logger)
    return {
      ...marketOf(program, `simulated-${seed}`, 'simulated', `Simulated market, seed ${seed}`),
      prefix: 'simulated',
      close: local.close,
      feed: { ...feed, ...local.feed },
    }
  }
  const { file, speed } = market
  logger.info({ file }, 'reading the recording')
  const digest = await digestOf(file)
  const replayed = await replayedMarket({ file, speed })
  const local = await serveMarket(replayed, clock, logger)
  // Whoever names products gets these; else all that were recorded, though several may have one symbol.
  const recorded = chosen.has('products') ? {} : { products: replayed.products, sharedSymbols: true }
  return {
    ...marketOf(program, `replayed-${digest}`, 'replayed', `Replay of ${basename(file)}`),
    prefix: 'simulated',
    close: local.close,
    replay: () => ({ name: `replay of ${basename(file)}`, ...replayed.progress() }),
    feed: { ...feed, ...local.feed, ...recorded },
  }
}

/** The folder says which market of its kind it is: another seed and another recording have one of their own. */
function marketOf(program: string, folder: string, kind: MarketKind, label: string) {
  const identity = `${program}/${folder}`
  return { kind, label, identity, folder, labels: { market: kind, identity } }
}

async function serveMarket(market: Market, clock: Clock, logger: Logger) {
  const { wsUrl, restUrl, close } = await startExchange({ market, clock, logger })
  return { feed: { wsUrl, restUrl }, close }
}

/** Tells recordings apart by what is in them, wherever they lie. */
async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    // It is read more than once, and to its end: a pipe or a device has none.
    if (!(await stat(file)).isFile()) throw new Error('it is none')
    await pipeline(createReadStream(file), hash)
  } catch (error) {
    throw new RivuletError(
      'BAD_CONFIG',
      `--replay is ${JSON.stringify(file)}, but it must be a file that can be read: ${messageOf(error)}`,
      { cause: error, place: { parameter: 'replay' } },
    )
  }
  return hash.digest('hex').slice(0, 12)
}
