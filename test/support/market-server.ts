import { type MarketApiOptions, marketApi } from '../../pipelines/market/api/market-api.ts'
import { type ApiServer, serve } from '../../src/app/serve.ts'
import { createWeb, type Web, type WebOptions } from '../../src/app/web.ts'
import { createClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import type { PartitionStatus, PipelineStatus, SourceStatus } from '../../src/runtime/pipeline-status.ts'
import type { FakeMarketQueries } from './fake-market-queries.ts'
import { pipelineStatus, sourceStatus } from './pipeline-status.ts'

/** The topic of ticks, whose readers are so many records behind. */
export function partitionBehind(lag: number): PartitionStatus {
  const at = {
    end_offset: 100 + lag,
    committed: 100,
    lag,
    lag_seconds: lag / 10,
    catches_up_in_seconds: null,
  }
  return { topic: 'stock-ticks', partition: 0, as_of: '2026-01-31T18:41:18.123Z', ...at, readers: [] }
}

export const emptyPipeline = {
  ...pipelineStatus({ topology: 'crypto' }),
  market: 'simulated',
  nodes: [{ name: 'coinbase', kind: 'source', rate: 0, total: 0 }],
  partitions: [partitionBehind(0)],
  counters: { duplicates: 0, gaps: 0, backfilled: 0, late: 0, dead_letters: 0 },
  sources: [sourceStatus({ name: 'coinbase' })],
} satisfies PipelineStatus & { market: string }

const cryptoProducts = [
  ['BTC', 0.01],
  ['ETH', 0.01],
  ['SOL', 0.01],
  ['XRP', 0.0001],
  ['DOGE', 0.00001],
].map(([symbol, tick]) => ({
  product: `${symbol}-USD`,
  symbol: String(symbol),
  quote: 'USD',
  tick: Number(tick),
  name: `${symbol}-USD`,
}))

export function withSource(source: Partial<SourceStatus>): PipelineStatus & { market: string } {
  return { ...emptyPipeline, sources: emptyPipeline.sources.map((each) => ({ ...each, ...source })) }
}

/** Of the market's API, and of the program that it is in. */
export type MarketWebOptions = MarketApiOptions & Pick<WebOptions, 'pipeline' | 'ready' | 'metrics'>

/** The market's API as a program has it. */
export function marketWeb(options: MarketWebOptions): Web {
  const { kind: market, identity } = options.market
  const web = createWeb({ ...options, labels: { market, identity } })
  marketApi(web, options)
  return web
}

/** The options of an API over a fake, each of which a test may replace. */
export function apiOptions(
  queries: FakeMarketQueries,
  overrides: Partial<MarketWebOptions> = {},
): MarketWebOptions {
  return {
    market: { kind: 'simulated', label: 'Simulated market', identity: 'crypto/simulated-7' },
    queries,
    products: () => cryptoProducts,
    pipeline: () => emptyPipeline,
    clock: createClock(),
    logger: silentLogger,
    page: 'crypto',
    ready: () => ({ ready: true }),
    metrics: async () => '# HELP up\n',
    ...overrides,
  }
}

interface FakeServerOptions extends Partial<MarketWebOptions> {
  /** 0, the default, unless a server is to come back where it was. */
  readonly port?: number
  /** Counts the requests for `/api/…` that are being answered. */
  readonly underWay?: { now: number; most: number }
}

/** Really listening, on loopback. */
export function serveFake(
  queries: FakeMarketQueries,
  { port = 0, underWay = { now: 0, most: 0 }, ...overrides }: FakeServerOptions = {},
): Promise<ApiServer> {
  const app = marketWeb(apiOptions(queries, overrides))
  const counted: typeof app.fetch = async (request, ...rest) => {
    if (!new URL(request.url).pathname.startsWith('/api/')) return app.fetch(request, ...rest)
    underWay.most = Math.max(underWay.most, ++underWay.now)
    try {
      return await app.fetch(request, ...rest)
    } finally {
      underWay.now--
    }
  }
  return serve({ request: app.request, fetch: counted }, { host: '127.0.0.1', port })
}

const realistic = [
  { symbol: 'BTC', price: 63_519.29, tick: 0.01, volume: 0.02 },
  { symbol: 'DOGE', price: 0.09731, tick: 0.00001, volume: 900 },
  { symbol: 'ETH', price: 1_774.92, tick: 0.01, volume: 0.4 },
  { symbol: 'SOL', price: 77.41, tick: 0.01, volume: 6 },
  { symbol: 'XRP', price: 1.0823, tick: 0.0001, volume: 400 },
] as const

/** A seeded random walk of five symbols over the hours before `endMs`, `perMinute` trades of each. */
export function seedTrades(
  queries: FakeMarketQueries,
  { endMs, minutes, perMinute }: { endMs: number; minutes: number; perMinute: number },
): void {
  const random = seededRandom(7)
  const prices: number[] = realistic.map(({ price }) => price)
  const trades = minutes * perMinute
  for (let n = 0; n < trades; n++) {
    const atMs = endMs - (trades - n - 1) * (60_000 / perMinute)
    for (const [i, { symbol, tick, volume }] of realistic.entries()) {
      const moved = prices[i]! * (1 + (random() - 0.498) * 0.0016)
      prices[i] = Math.max(tick, Math.round(moved / tick) * tick)
      queries.add({
        symbol,
        price: Number(prices[i]!.toFixed(5)),
        volume: Number((volume * (0.05 + 2 * random() ** 3)).toFixed(6)),
        timestampUs: Math.round((atMs - random() * 900) * 1000),
        side: random() < 0.5 ? 'sell' : 'buy',
      })
    }
  }
}

export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
