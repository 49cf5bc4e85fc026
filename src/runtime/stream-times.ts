import { RivuletError } from '../errors.ts'
import type { StreamTime } from '../operators/operator.ts'

/** What Kafka keeps with an offset by default (`offset.metadata.max.bytes`). */
const metadataBytesMax = 4_096

/** A task's stream times as they are kept with its offsets. Throws `BAD_TOPOLOGY` when they do not fit. */
export function encodeStreamTimes(times: ReadonlyMap<string, StreamTime>): string {
  const known = [...times].filter(([, { ms }]) => ms > Number.NEGATIVE_INFINITY)
  const metadata =
    known.length === 0 ? '' : JSON.stringify(Object.fromEntries(known.map(([name, { ms }]) => [name, ms])))
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
    for (const [name, ms] of Object.entries(parsed(text))) {
      const known = times.get(name)
      if (typeof ms !== 'number') continue
      if (!known) times.set(name, { ms })
      else if (ms > known.ms) known.ms = ms
    }
  }
}

/** Another program may have committed offsets of this group, with words of its own. */
function parsed(metadata: string): object {
  try {
    const value: unknown = JSON.parse(metadata || '{}')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
