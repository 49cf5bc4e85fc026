import { isoOfMilliseconds } from '../iso-time.ts'
import type { Candle, MarketQueries, Symbols, TimeSpan } from './market-queries.ts'

/** A candle of one minute that is still open: its window is in the store, not yet in the table. */
export type OpenCandle = Candle

export interface OwnCandle extends Candle {
  /** Whether the window is closed: nothing will be added any more. */
  readonly final: boolean
}

/** Of the candles whose windows have something of the span. */
export interface CandlesQuestion extends TimeSpan {
  readonly symbols: Symbols
  readonly intervalSeconds: number
  /** What "now" is in this market, ms since the epoch. */
  readonly nowMs: number
}

/**
 * The closed minutes of the table and the open ones of the window store, merged to the interval; each minute once.
 * The open ones are taken first: a minute that closes meanwhile is then in both, and the table's is taken.
 */
export async function candles(
  queries: MarketQueries,
  openCandles: () => readonly OpenCandle[],
  { symbols, sinceMs, intervalSeconds, nowMs, ...span }: CandlesQuestion,
): Promise<OwnCandle[]> {
  const intervalMs = intervalSeconds * 1000
  // The last candle is a whole one, too.
  const untilMs = span.untilMs === null ? null : Math.ceil(span.untilMs / intervalMs) * intervalMs
  const open = openCandles().filter(
    ({ symbol, window_start }) =>
      (symbols === null || symbols.includes(symbol)) &&
      (sinceMs === null || bucketStartMs(Date.parse(window_start), intervalMs) + intervalMs > sinceMs) &&
      (untilMs === null || Date.parse(window_start) < untilMs),
  )
  const firstOpenMs = Math.min(...open.map(({ window_start }) => Date.parse(window_start)))
  const closedUntilMs = open.length > 0 ? firstOpenMs : untilMs
  const closed = await queries.candles({ symbols, sinceMs, untilMs: closedUntilMs, intervalSeconds })
  if (open.length === 0)
    return closed.map((candle) => ({ ...candle, final: isOver(candle, intervalSeconds, nowMs) }))

  const closedSince = await queries.candles({ symbols, sinceMs: firstOpenMs, untilMs, intervalSeconds: 60 })
  const minutes = new Map(open.map((minute) => [keyOf(minute), { ...minute, final: false }]))
  for (const minute of closedSince) minutes.set(keyOf(minute), { ...minute, final: true })

  const merged = new Map<string, OwnCandle>()
  for (const candle of closed) {
    merged.set(keyOf(candle), { ...candle, final: isOver(candle, intervalSeconds, nowMs) })
  }
  for (const minute of [...minutes.values()].sort(byWindowThenSymbol)) {
    const startMs = bucketStartMs(Date.parse(minute.window_start), intervalMs)
    const placed = {
      ...minute,
      window_start: isoOfMilliseconds(startMs),
      window_end: isoOfMilliseconds(startMs + intervalMs),
    }
    const final = minute.final && isOver(placed, intervalSeconds, nowMs)
    const before = merged.get(keyOf(placed))
    merged.set(
      keyOf(placed),
      before ? { ...mergeCandles(before, placed), final: before.final && final } : { ...placed, final },
    )
  }
  return [...merged.values()].sort(byWindowThenSymbol)
}

/** The later candle added to the earlier one, in the earlier one's window. */
function mergeCandles(earlier: Candle, later: Candle): Candle {
  const volume = earlier.total_volume + later.total_volume
  const ticks = earlier.tick_count + later.tick_count
  return {
    ...earlier,
    high: Math.max(earlier.high, later.high),
    low: Math.min(earlier.low, later.low),
    close: later.close,
    vwap: (earlier.vwap * earlier.total_volume + later.vwap * later.total_volume) / volume,
    avg_price: (earlier.avg_price * earlier.tick_count + later.avg_price * later.tick_count) / ticks,
    total_volume: volume,
    tick_count: ticks,
  }
}

/**
 * A minute of the table is closed: it came out of its window. A longer candle is made of minutes, and the last of them
 * comes with the window's grace and the way to the table: it counts as closed a minute after its end.
 */
export function isOver(
  { window_end }: Pick<Candle, 'window_end'>,
  intervalSeconds: number,
  nowMs: number,
): boolean {
  return intervalSeconds === 60 || Date.parse(window_end) + 60_000 <= nowMs
}

/** When the window of the interval begins that has this time. */
export function bucketStartMs(timeMs: number, intervalMs: number): number {
  return Math.floor(timeMs / intervalMs) * intervalMs
}

type Placed = Pick<Candle, 'symbol' | 'window_start'>

/** Of a window of one symbol. */
export function keyOf({ symbol, window_start }: Placed): string {
  return `${window_start} ${symbol}`
}

export function byWindowThenSymbol(a: Placed, b: Placed): number {
  const [left, right] = [keyOf(a), keyOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
