import { filter, firstValueFrom, scan, timeout } from 'rxjs'
import type { Kafka } from '../../src/kafka/types.ts'
import { type PlainRecord, recordsOf } from '../../src/records/chunk.ts'
import { decodeChunk } from '../../src/serdes/decode-chunk.ts'
import type { Topic } from '../../src/stream/topic.ts'

/** The first `count` records of a partition; waits until they are there. */
export function readTopic<K, V>(
  kafka: Kafka,
  { name, key, value }: Pick<Topic<K, V>, 'name' | 'key' | 'value'>,
  count: number,
  partition = 0,
): Promise<PlainRecord<K, V>[]> {
  return firstValueFrom(
    kafka.read(name, partition, { toOffset: 'follow' }).pipe(
      scan(
        (records, { chunk }) => {
          const decoded = decodeChunk(chunk, { key, value, tombstones: true }).chunk
          return [...records, ...(recordsOf(decoded) as PlainRecord<K, V>[])]
        },
        [] as PlainRecord<K, V>[],
      ),
      filter((records) => records.length >= count),
      timeout({ first: 15_000 }),
    ),
  )
}
