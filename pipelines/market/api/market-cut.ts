import { isoOfMicroseconds } from '../iso-time.ts'
import { encodeCursor } from './cursor.ts'
import type {
  Cursor,
  History,
  LatestPrice,
  MarketQueries,
  SymbolStats,
  Symbols,
  SymbolVwap,
  Tick,
} from './market-queries.ts'
import { firstsOf, type Past } from './past.ts'
import { type DayStats, dayStats, type PastPrices, pastPrices } from './past-cut.ts'
import type { ReadOnce } from './read-once.ts'

export interface MarketQuestion {
  readonly symbols: Symbols
  /** Only what is newer than this position; null: everything. */
  readonly after: Cursor | null
  /** Of the points, ms since the epoch; null: from the first. */
  readonly seriesSinceMs: number | null
  /** For each symbol. */
  readonly pointsMax: number
  readonly recentMax: number
  /** Of the statistics. */
  readonly statsSinceMs: number | null
  /** What the exchange says of the time before. */
  readonly past: Past
}

/** Statistics that say what they cover, and the volume in the currency of the price, too. */
export interface CoveringStats extends SymbolStats {
  /** ISO 8601: what was asked for, or the minute of the symbol's first trade when that is later. */
  readonly since: string
  /** From the volume-weighted average of the closed minutes; of prices alone while there is none. */
  readonly quote_volume: number
}

/** What is shown together. With `after`, prices, trades and points are those that are newer; statistics are whole. */
export interface MarketCut {
  readonly latest: readonly LatestPrice[]
  readonly recent: readonly Tick[]
  readonly stats: readonly CoveringStats[]
  readonly count: number
  readonly history: History
  /** What is known of the day with the exchange's own minutes, of those symbols that have some. */
  readonly day: readonly DayStats[]
  /** The exchange's prices before there were trades of one's own; not with `after`. */
  readonly past?: Readonly<Record<string, PastPrices>>
}

/** What a cut says of all that the table has, whatever is newer than the page's cursor. */
export type Whole = Awaited<ReturnType<typeof readWhole>>

const readingsMax = 3

/**
 * Reads all of it from one position: where the table has grown meanwhile, it is read again. A table that grows at each
 * reading is taken as it is: prices may then be newer than the points, which are never newer than their cursor. `whole` is
 * shared by pages with different cursors.
 */
export async function marketCut(
  queries: MarketQueries,
  whole: ReadOnce<Whole>,
  question: MarketQuestion,
  position: Cursor,
): Promise<MarketCut> {
  let before = encodeCursor(position)
  for (let reading = 1; ; reading++) {
    const cut = await readCut(queries, whole, question, before)
    const after = encodeCursor(await queries.position())
    if (reading === readingsMax || after === before) return cut
    before = after
  }
}

async function readWhole(queries: MarketQueries, { symbols, recentMax, statsSinceMs }: MarketQuestion) {
  const [latest, recent, own, firsts, averages, count] = await Promise.all([
    queries.latest(symbols),
    queries.recent({ symbols, limit: recentMax }),
    queries.stats({ symbols, sinceMs: statsSinceMs }),
    queries.firstMinutes(symbols),
    queries.vwap({ symbols, sinceMs: statsSinceMs }),
    queries.count(symbols),
  ])
  return { latest, recent, own, firsts, averages, count }
}

async function readCut(
  queries: MarketQueries,
  whole: ReadOnce<Whole>,
  question: MarketQuestion,
  version: string,
): Promise<MarketCut> {
  const { symbols, after, seriesSinceMs, pointsMax, recentMax, statsSinceMs, past } = question
  const [history, { latest, recent, own, firsts, averages, count }] = await Promise.all([
    queries.history({ symbols, sinceMs: seriesSinceMs, untilMs: null, after, pointsMax }),
    whole.get(version, [symbols, recentMax, statsSinceMs], () => readWhole(queries, question)),
  ])
  const firstMs = firstsOf(firsts)
  const stats = coveringStats(own, firstMs, averages, statsSinceMs)
  const day = dayStats(past, firstMs, stats, statsSinceMs)
  if (after === null) {
    const before = pastPrices(past, firstMs, { symbols, sinceMs: seriesSinceMs, pointsMax })
    return { latest, recent, stats, count, history, day, past: before }
  }
  const newSince = firstOfEach(history)
  return {
    latest: latest.filter(({ symbol }) => newSince.has(symbol)),
    recent: recent.filter(({ symbol, timestamp }) => {
      const since = newSince.get(symbol)
      return since !== undefined && timestamp >= since
    }),
    stats,
    count,
    history,
    day,
  }
}

function coveringStats(
  stats: readonly SymbolStats[],
  firstMs: ReadonlyMap<string, number>,
  averages: readonly SymbolVwap[],
  sinceMs: number | null,
): CoveringStats[] {
  const vwap = new Map(averages.map((row) => [row.symbol, row.vwap]))
  return stats.map((row) => ({
    ...row,
    avg_price: told(row.avg_price),
    total_volume: told(row.total_volume),
    since: new Date(Math.max(sinceMs ?? 0, firstMs.get(row.symbol) ?? 0)).toISOString(),
    quote_volume: told(row.total_volume * (vwap.get(row.symbol) ?? row.avg_price)),
  }))
}

/** Without the digits that floats add: a page asks every second. */
function told(value: number): number {
  return Number(value.toPrecision(10))
}

/** The time of each symbol's first point, as trades have it. */
function firstOfEach({ symbols, timestampsUs }: History): ReadonlyMap<string, string> {
  const first = new Map<string, string>()
  for (const [i, symbol] of symbols.entries()) {
    if (!first.has(symbol)) first.set(symbol, isoOfMicroseconds(timestampsUs[i] ?? 0))
  }
  return first
}
