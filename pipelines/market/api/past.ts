import type { FirstMinute } from './market-queries.ts'

/** A minute that the exchange tells of, though none of its trades was seen. */
export interface PastMinute {
  /** ms since the epoch. */
  readonly startMs: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** What the exchange says of the time before there was anything of one's own. */
export interface Past {
  /** Another one when there is more. */
  readonly version: number
  /** Those of which there is any. */
  readonly symbols: Iterable<string>
  /** In order of time. */
  minutesOf(symbol: string): readonly PastMinute[]
}

export const noPast: Past = { version: 0, symbols: [], minutesOf: () => [] }

/** The minutes of the past from one time to before the other; null: from the first. */
export function pastBetween(
  past: Past,
  symbol: string,
  sinceMs: number | null,
  untilMs: number,
): PastMinute[] {
  const from = sinceMs ?? Number.NEGATIVE_INFINITY
  return past.minutesOf(symbol).filter(({ startMs }) => startMs >= from && startMs < untilMs)
}

/** When each symbol's own trades begin, ms since the epoch: what the exchange tells is of before. */
export function firstsOf(minutes: readonly FirstMinute[]): ReadonlyMap<string, number> {
  return new Map(minutes.map(({ symbol, first_minute }) => [symbol, Date.parse(first_minute)]))
}
