import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { MarketKind } from '../api/pipeline-status.ts'
import type { Clock } from '../clock.ts'
import type { Config, ProgramDescription } from '../config.ts'
import { messageOf, RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { startExchange } from '../sources/exchange/exchange.ts'
import type { Market } from '../sources/exchange/market.ts'
import { replayedMarket } from '../sources/exchange/replayed-market.ts'
import { simulatedMarket } from '../sources/exchange/simulated-market.ts'

/** Where an exchange's trades are read from. */
export interface ExchangeFeed {
  readonly products: readonly string[]
  /** Whether several products may have one symbol, as in a recording. */
  readonly sharedSymbols: boolean
  readonly wsUrl: string
  readonly restUrl: string
}

/** The market of a run, and how its data is kept apart from that of others. */
export interface OpenMarket {
  readonly kind: MarketKind
  /** Shown on the page and in the log. */
  readonly label: string
  /** Its own folder in the data folder. */
  readonly folder: string
  /** Before the names of its topics (and `-`) and tables (and `_`) on servers that others use too; empty: the real one. */
  readonly prefix: string
  readonly feed: ExchangeFeed
  close(): Promise<void>
}

/** The feed of the real exchange, as configured. */
export function liveFeed(config: Config): ExchangeFeed {
  const { PRODUCTS: products, COINBASE_WS_URL: wsUrl, COINBASE_REST_URL: restUrl } = config
  return { products, sharedSymbols: false, wsUrl, restUrl }
}

/** The real exchange, or a local one that simulates a market or replays a recording. */
export async function openMarket(
  { name, exchange }: ProgramDescription,
  config: Config,
  clock: Clock,
  logger: Logger,
): Promise<OpenMarket> {
  const feed = liveFeed(config)
  const { market } = config
  if (market.kind === 'live') {
    return { kind: 'live', label: 'Live · Coinbase', folder: 'live', prefix: '', feed, close: async () => {} }
  }
  if (market.kind === 'simulated' && !exchange) {
    const folder = `${name}-${market.seed}`
    return {
      kind: 'simulated',
      label: `Synthetic market, seed ${market.seed}`,
      folder,
      prefix: `simulated-${name}`,
      feed,
      close: async () => {},
    }
  }
  if (market.kind === 'simulated') {
    const { seed } = market
    const local = await serveMarket(simulatedMarket({ seed, products: feed.products, clock }), clock, logger)
    return {
      kind: 'simulated',
      label: `Simulated market, seed ${seed}`,
      folder: `simulated-${seed}`,
      prefix: 'simulated',
      ...local,
      feed: { ...feed, ...local.feed },
    }
  }
  const { file, speed } = market
  logger.info({ file }, 'reading the recording')
  const digest = await digestOf(file)
  const replayed = await replayedMarket({ file, speed })
  const local = await serveMarket(replayed, clock, logger)
  // Whoever names products gets these; else all that were recorded, though several may have one symbol.
  const chosen = config.productsChosen ? {} : { products: replayed.products, sharedSymbols: true }
  return {
    kind: 'replayed',
    label: `Replay of ${basename(file)}`,
    folder: `replayed-${digest}`,
    prefix: 'simulated',
    ...local,
    feed: { ...feed, ...local.feed, ...chosen },
  }
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
      { cause: error, place: { parameter: '--replay' } },
    )
  }
  return hash.digest('hex').slice(0, 12)
}
