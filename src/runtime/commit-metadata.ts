import { RivuletError } from '../errors.ts'
import type { StreamTime } from '../operators/operator.ts'

/** What Kafka keeps with an offset by default (`offset.metadata.max.bytes`). */
const metadataBytesMax = 4_096
/** Among the names of steps, for the task that has committed: no step has it. */
const committerName = ''

/**
 * What is kept with a task's offsets: its stream times and, where `committer` is given, who it is. Throws `BAD_TOPOLOGY`
 * when that does not fit.
 */
export function encodeMetadata(times: ReadonlyMap<string, StreamTime>, committer?: string): string {
  const known: [string, string | number][] = [...times]
    .filter(([, { ms }]) => ms > Number.NEGATIVE_INFINITY)
    .map(([name, { ms }]) => [name, ms])
  if (committer !== undefined) known.push([committerName, committer])
  const metadata = known.length === 0 ? '' : JSON.stringify(Object.fromEntries(known))
  if (Buffer.byteLength(metadata) > metadataBytesMax) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `the stream times of ${known.length} steps take more than the ${metadataBytesMax} bytes that Kafka keeps with an offset: give the steps shorter names, or part them by a repartition()`,
    )
  }
  return metadata
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

/** Who has committed it, if it says so. */
export function committerOf(metadata: string): string | undefined {
  const [, committer] = entriesOf(metadata).find(([name]) => name === committerName) ?? []
  return typeof committer === 'string' ? committer : undefined
}

/** Another program may have committed offsets of this group, with words of its own. */
function entriesOf(metadata: string): readonly [name: string, value: unknown][] {
  try {
    const value: unknown = JSON.parse(metadata || '{}')
    return typeof value === 'object' && value !== null ? Object.entries(value) : []
  } catch {
    return []
  }
}
