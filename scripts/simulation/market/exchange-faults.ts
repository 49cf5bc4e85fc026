/** What can go wrong on the exchange's socket. */
const socketFaultKinds = [
  'frames-lost',
  'frames-twice',
  'frames-swapped',
  'frames-garbled',
  'no-heartbeats',
  'connections-refused',
  'connections-cut',
  'frames-stalled',
  'silence',
] as const
/** What can go wrong with its REST API. */
const restFaultKinds = [
  'rest-400',
  'rest-404',
  'rest-429',
  'rest-503',
  'rest-302',
  'rest-html',
  'rest-truncated',
  'rest-empty',
  'rest-unsorted',
  'rest-overlapping',
  'rest-hanging',
] as const

/**
 * What an exchange does on any day. `rest-lag`: some nodes behind its REST API do not know the newest trades yet; `rest-slow`:
 * they answer late. `stale-greetings`: what it repeats to who subscribes is not its newest trade.
 */
const dailyFaultKinds = ['rest-lag', 'rest-slow', 'stale-greetings'] as const

export const exchangeFaultKinds = [...socketFaultKinds, ...restFaultKinds, ...dailyFaultKinds]
export type ExchangeFaultKind = (typeof exchangeFaultKinds)[number]

/** One fault of a plan. */
export interface ExchangeFault {
  readonly kind: ExchangeFaultKind
  /** Since the beginning. */
  readonly atMs: number
  readonly forMs: number
}

const perKindMax = 2
const lastsMsMax = 20_000

/** What an exchange does on any day, in some of the runs all the time. */
export function planDailyFaults(random: () => number, durationMs: number): ExchangeFault[] {
  return dailyFaultKinds.filter(() => random() < 0.5).map((kind) => ({ kind, atMs: 0, forMs: durationMs }))
}

/** The exchange's faults of a run, in the order of time. */
export function planExchangeFaults(random: () => number, durationMs: number): ExchangeFault[] {
  return exchangeFaultKinds
    .flatMap((kind) =>
      Array.from({ length: Math.floor(random() * (perKindMax + 1)) }, () => ({
        kind,
        atMs: Math.floor(random() * durationMs),
        forMs: Math.floor(random() * lastsMsMax),
      })),
    )
    .toSorted((a, b) => a.atMs - b.atMs)
}
