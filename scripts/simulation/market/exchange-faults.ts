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
/** What can go wrong with its REST API. `rest-lag`: some of its nodes do not know the newest trades yet. */
const restFaultKinds = [
  'rest-lag',
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

export const exchangeFaultKinds = [...socketFaultKinds, ...restFaultKinds]
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
