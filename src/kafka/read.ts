import { Observable } from 'rxjs'
import type { RawChunk } from '../records/chunk.ts'
import type { Cluster } from './cluster.ts'
import { Fetcher } from './fetcher.ts'
import type { Fetched, ReadRange } from './types.ts'

const readLimits = { waitMsMax: 500, bytesMax: 8 * 1024 * 1024, partitionBytesMax: 1024 * 1024 }
let reads = 0

/** One partition, without a group: nothing is left behind on the broker. */
export function readPartition(
  cluster: Cluster,
  topic: string,
  partition: number,
  { fromOffset, toOffset }: ReadRange,
): Observable<Fetched> {
  return new Observable((subscriber) => {
    if (toOffset !== 'follow' && toOffset <= (fromOffset ?? 0)) {
      subscriber.complete()
      return undefined
    }
    const fetcher = new Fetcher({
      cluster,
      use: `read ${++reads}`,
      limits: readLimits,
      fetched: (fetched) => {
        if (toOffset === 'follow' || fetched.nextOffset < toOffset) {
          subscriber.next(fetched)
          return
        }
        subscriber.next({ ...fetched, chunk: before(fetched.chunk, toOffset), nextOffset: toOffset })
        subscriber.complete()
      },
      skipped: (_, __, startOffset) => {
        if (toOffset !== 'follow' && startOffset >= toOffset) subscriber.complete()
      },
      failed: (error) => subscriber.error(error),
    })
    fetcher.add({ topic, partition }, fromOffset ?? 'earliest')
    return () => fetcher.stop()
  })
}

function before(chunk: RawChunk, toOffset: number): RawChunk {
  const beyond = chunk.offsets.findIndex((offset) => offset >= toOffset)
  if (beyond < 0) return chunk
  return {
    ...chunk,
    keys: chunk.keys.first(beyond),
    values: chunk.values.first(beyond),
    timestampsMs: chunk.timestampsMs.slice(0, beyond),
    offsets: chunk.offsets.slice(0, beyond),
    ...(chunk.headers && { headers: chunk.headers.slice(0, beyond) }),
  }
}
