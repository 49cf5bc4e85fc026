import type { CoveringStats } from './market-cut.ts'
import type { Symbols } from './market-queries.ts'
import { type Past, type PastMinute, pastBetween } from './past.ts'

const minuteMs = 60_000

/** Prices at the ends of the exchange's minutes: `times` in s since the epoch. */
export interface PastPrices {
  readonly times: readonly number[]
  readonly prices: readonly number[]
}

/** Of each symbol, before its own trades and from a time on; at most `pointsMax`, equally far apart. */
export function pastPrices(
  past: Past,
  firstMs: ReadonlyMap<string, number>,
  { symbols, sinceMs, pointsMax }: { symbols: Symbols; sinceMs: number | null; pointsMax: number },
): Readonly<Record<string, PastPrices>> {
  const prices = [...(symbols ?? past.symbols)].map((symbol) => {
    const minutes = pastBetween(past, symbol, sinceMs, firstMs.get(symbol) ?? Number.POSITIVE_INFINITY)
    const stride = Math.ceil(minutes.length / pointsMax)
    const kept = minutes.filter((_, i) => (minutes.length - 1 - i) % stride === 0)
    const times = kept.map(({ startMs }) => (startMs + minuteMs) / 1000)
    return [symbol, { times, prices: kept.map(({ close }) => close) }] as const
  })
  return Object.fromEntries(prices.filter(([, { times }]) => times.length > 0))
}

/** Low, high and volume of a symbol, with what the exchange tells of the time before its own trades. */
export type DayStats = Pick<
  CoveringStats,
  'symbol' | 'since' | 'min_price' | 'max_price' | 'total_volume' | 'quote_volume'
>

/** Of those symbols of which it tells something. */
export function dayStats(
  past: Past,
  firstMs: ReadonlyMap<string, number>,
  stats: readonly CoveringStats[],
  sinceMs: number | null,
): DayStats[] {
  return stats.flatMap((own) => {
    const { symbol } = own
    const minutes = pastBetween(past, symbol, sinceMs, firstMs.get(symbol) ?? 0)
    const [first] = minutes
    return first ? [withMinutes(own, minutes, new Date(first.startMs).toISOString())] : []
  })
}

function withMinutes(own: CoveringStats, minutes: readonly PastMinute[], since: string): DayStats {
  const sum = (of: (minute: PastMinute) => number) => minutes.reduce((total, minute) => total + of(minute), 0)
  return {
    symbol: own.symbol,
    since,
    min_price: Math.min(own.min_price, ...minutes.map(({ low }) => low)),
    max_price: Math.max(own.max_price, ...minutes.map(({ high }) => high)),
    total_volume: own.total_volume + sum(({ volume }) => volume),
    // Nobody tells its average price: that of low, high and close is near it.
    quote_volume:
      own.quote_volume + sum(({ low, high, close, volume }) => (volume * (low + high + close)) / 3),
  }
}
