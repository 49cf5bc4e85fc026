import { RivuletError } from '../errors.ts'
import type { TopicPartition } from '../kafka/types.ts'
import { forgetsAfterMs } from '../state/store.ts'
import type { StoreLayout } from './layout.ts'

/** What a task's part of a changelog has: from where on, and behind its last record at least. */
export interface ChangelogRange {
  readonly lowOffset: number
  readonly endOffset: number
}

/** By the names of the stores. */
export type ChangelogRanges = ReadonlyMap<string, ChangelogRange>

/**
 * Throws `KAFKA_FAILED` where a changelog is not what it was at the last commit: what it has lost would be missing from the
 * store, without a word. Compaction moves neither end of it.
 */
export function checkChangelog(
  { spec, topic }: StoreLayout,
  partition: number,
  found: ChangelogRange,
  committed: ChangelogRange,
): void {
  const forgets = forgetsAfterMs(spec) !== undefined
  // What a store forgets is deleted, but never all of it.
  const isDeleted = forgets ? found.lowOffset >= found.endOffset : found.lowOffset > committed.lowOffset
  const place = { topic, partition }
  const name = `the changelog ${topic}/${partition}`
  if (found.endOffset < committed.endOffset)
    throw lostChangelog(
      spec.name,
      { ...place, offset: committed.endOffset },
      `${name} was committed up to offset ${committed.endOffset}, but ends at ${found.endOffset}: it was made anew, or has lost its end`,
    )
  if (isDeleted)
    throw lostChangelog(
      spec.name,
      { ...place, offset: found.lowOffset },
      `${name} begins at offset ${found.lowOffset}, but had records before that at the last commit: they were deleted`,
    )
}

/** The store can't be what it was. */
export function lostChangelog(
  store: string,
  place: TopicPartition & { readonly offset: number },
  why: string,
): RivuletError {
  return new RivuletError(
    'KAFKA_FAILED',
    `${why}. The store "${store}" can't be restored from it any more: give it back what it had, or begin anew, with rivulet reset`,
    { place: { store, ...place } },
  )
}
