import { isoOfMilliseconds } from '../iso-time.ts'
import {
  bucketStartMs,
  byWindowThenSymbol,
  type CandlesQuestion,
  isOver,
  keyOf,
  type OwnCandle,
} from './candles.ts'
import type { Candle } from './market-queries.ts'
import { type Past, type PastMinute, pastBetween } from './past.ts'

/** A candle, which may be of the exchange's own minutes: those say nothing of averages and trades. */
export interface CandleAnswer extends Omit<OwnCandle, 'vwap' | 'avg_price' | 'tick_count'> {
  readonly vwap: number | null
  readonly avg_price: number | null
  readonly tick_count: number | null
  /** It, or a part of it, is what the exchange tells of a time of which there are no trades of one's own. */
  readonly source?: 'exchange'
}

/**
 * The exchange's minutes, merged to the interval, in front of one's own candles, which begin with each symbol's first trade, and
 * between these where there is none, as of a time when the program did not run.
 */
export function withPast(
  own: readonly OwnCandle[],
  past: Past,
  firstMs: ReadonlyMap<string, number>,
  { symbols, sinceMs, untilMs, intervalSeconds, nowMs }: CandlesQuestion,
): CandleAnswer[] {
  const intervalMs = intervalSeconds * 1000
  const fromMs = sinceMs === null ? null : bucketStartMs(sinceMs, intervalMs)
  const merged = new Map<string, CandleAnswer>()
  const known = new Set(own.map(keyOf))
  for (const symbol of symbols ?? past.symbols) {
    const ownFromMs = firstMs.get(symbol) ?? nowMs
    for (const minute of pastBetween(past, symbol, fromMs, untilMs ?? nowMs)) {
      const candle = candleOf(symbol, minute, intervalMs)
      // Which of its minutes a candle of one's own has, it doesn't say: none is counted twice.
      if (minute.startMs >= ownFromMs && known.has(keyOf(candle))) continue
      const before = merged.get(keyOf(candle))
      const final = isOver(candle, intervalSeconds, nowMs)
      merged.set(keyOf(candle), before ? followedBy(before, { ...candle, final }) : { ...candle, final })
    }
  }
  for (const candle of own) {
    const before = merged.get(keyOf(candle))
    merged.set(keyOf(candle), before ? followedBy(before, candle) : candle)
  }
  return [...merged.values()].sort(byWindowThenSymbol)
}

function candleOf(symbol: string, minute: PastMinute, intervalMs: number) {
  const { startMs, open, high, low, close, volume: total_volume } = minute
  const windowMs = bucketStartMs(startMs, intervalMs)
  const window = {
    window_start: isoOfMilliseconds(windowMs),
    window_end: isoOfMilliseconds(windowMs + intervalMs),
  }
  const unknown = { vwap: null, avg_price: null, tick_count: null }
  return { symbol, ...window, open, high, low, close, total_volume, ...unknown, source: 'exchange' as const }
}

/** A candle that begins with what the exchange tells goes on with a later one of the same window. */
function followedBy(
  before: CandleAnswer,
  later: Pick<Candle, 'high' | 'low' | 'close' | 'total_volume'> & { readonly final: boolean },
): CandleAnswer {
  return {
    ...before,
    high: Math.max(before.high, later.high),
    low: Math.min(before.low, later.low),
    close: later.close,
    total_volume: before.total_volume + later.total_volume,
    final: later.final,
  }
}
