import type { PartitionStatus } from '../runtime/pipeline-status.ts'

/** How far a reader is behind, over all of its partitions. */
export interface ReaderLags {
  readonly reader: string
  /** Records that it has not committed. */
  readonly lag: number
  /** For how long the first of them has been there. */
  readonly lagMs: number
  /** Undefined: in one of its partitions the lag does not become less. */
  readonly catchesUpInMs: number | undefined
}

/** Of each reader: all that it has to do, and the worst of the rest. */
export function lagsOf(partitions: readonly PartitionStatus[]): readonly ReaderLags[] {
  const byReader = new Map<string, ReaderLags>()
  for (const { reader, ...of } of partitions.flatMap(({ readers }) => readers)) {
    const sum = byReader.get(reader) ?? { reader, lag: 0, lagMs: 0, catchesUpInMs: 0 }
    const { catches_up_in_seconds: seconds } = of
    const isGrowing = seconds === null || sum.catchesUpInMs === undefined
    byReader.set(reader, {
      reader,
      lag: sum.lag + of.lag,
      lagMs: Math.max(sum.lagMs, (of.lag_seconds ?? 0) * 1_000),
      catchesUpInMs: isGrowing ? undefined : Math.max(sum.catchesUpInMs, seconds * 1_000),
    })
  }
  return [...byReader.values()]
}
