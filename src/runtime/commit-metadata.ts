import { RivuletError } from '../errors.ts'
import type { StreamTime } from '../operators/operator.ts'
import type { ChangelogRange, ChangelogRanges } from './changelog-range.ts'

/** What Kafka keeps with an offset by default (`offset.metadata.max.bytes`). */
const metadataBytesMax = 4_096
/** Among the names of steps, for the task that has committed: no step has it. */
const committerName = ''
/** Among the names of steps, for what the changelogs have; no step can be called so. What reads this passes over what it does not know. */
const changelogsName = '.'

/** What is kept with a task's offsets beside its stream times. */
export interface MetadataOptions {
  /** Who has committed them, where that is to be said. */
  readonly committer?: string | undefined
  /** Left out where there is no room for all of them. */
  readonly changelogs?: ChangelogRanges
}

/** What is kept with a task's offsets. Throws `BAD_TOPOLOGY` when its stream times do not fit. */
export function encodeMetadata(
  times: ReadonlyMap<string, StreamTime>,
  { committer, changelogs = new Map() }: MetadataOptions = {},
): string {
  const known: [string, unknown][] = [...times]
    .filter(([, { ms }]) => ms > Number.NEGATIVE_INFINITY)
    .map(([name, { ms }]) => [name, ms])
  if (committer !== undefined) known.push([committerName, committer])
  const ranges = [...changelogs].map(([store, { lowOffset, endOffset }]) => [store, [lowOffset, endOffset]])
  if (ranges.length > 0) {
    const all = textOf([...known, [changelogsName, Object.fromEntries(ranges)]])
    if (isKept(all)) return all
  }
  const metadata = textOf(known)
  if (!isKept(metadata)) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `the stream times of ${known.length} steps take more than the ${metadataBytesMax} bytes that Kafka keeps with an offset: give the steps shorter names, or part them by a repartition()`,
    )
  }
  return metadata
}

function textOf(known: readonly [name: string, value: unknown][]): string {
  return known.length === 0 ? '' : JSON.stringify(Object.fromEntries(known))
}

function isKept(metadata: string): boolean {
  return Buffer.byteLength(metadata) <= metadataBytesMax
}

/** Takes them back. Each input's offset carries all of them as of its commit, so the latest of each is right: time never goes back. */
export function restoreStreamTimes(times: Map<string, StreamTime>, metadata: Iterable<string>): void {
  for (const text of metadata) {
    for (const [name, ms] of entriesOf(text)) {
      const known = times.get(name)
      if (typeof ms !== 'number') continue
      if (!known) times.set(name, { ms })
      else if (ms > known.ms) known.ms = ms
    }
  }
}

/** What the changelogs had at the last commit, as far as it was kept: neither end of a changelog goes back. */
export function committedChangelogs(metadata: Iterable<string>): ChangelogRanges {
  const ranges = new Map<string, ChangelogRange>()
  for (const text of metadata) {
    const [, kept] = entriesOf(text).find(([name]) => name === changelogsName) ?? []
    for (const [store, range] of fieldsOf(kept)) {
      if (!Array.isArray(range)) continue
      const [lowOffset, endOffset] = range
      const { lowOffset: low, endOffset: end } = ranges.get(store) ?? { lowOffset: 0, endOffset: 0 }
      if (Number.isSafeInteger(lowOffset) && Number.isSafeInteger(endOffset))
        ranges.set(store, { lowOffset: Math.max(low, lowOffset), endOffset: Math.max(end, endOffset) })
    }
  }
  return ranges
}

/** Who has committed it, if it says so. */
export function committerOf(metadata: string): string | undefined {
  const [, committer] = entriesOf(metadata).find(([name]) => name === committerName) ?? []
  return typeof committer === 'string' ? committer : undefined
}

/** Another program may have committed offsets of this group, with words of its own. */
function entriesOf(metadata: string): readonly [name: string, value: unknown][] {
  try {
    return fieldsOf(JSON.parse(metadata || '{}'))
  } catch {
    return []
  }
}

function fieldsOf(value: unknown): readonly [name: string, value: unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}
