import { RivuletError } from '../errors.ts'
import { partitionFor } from '../kafka/partitioner.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { Layout } from '../runtime/layout.ts'
import { Outgoing, type OutgoingBatch } from '../runtime/outgoing.ts'
import { encode } from '../serdes/encode.ts'
import type { SerdeContext } from '../serdes/serde.ts'
import type { TopicSerdes } from './driver-outputs.ts'

/** One for all records of a column. */
interface ColumnContext extends SerdeContext {
  headers: Headers | undefined
}

/** How a test writes into topics: bytes, and to the partition that the key says, as a producer does. */
export class DriverInput {
  readonly #counts: ReadonlyMap<string, number>
  readonly #outgoing: Outgoing
  #keyless = 0

  constructor(layout: Layout) {
    this.#counts = layout.partitionCounts
    this.#outgoing = new Outgoing(layout)
  }

  /** A batch for each partition; `wanted` is the only one, whatever the keys say. Throws what the serdes throw. */
  batchesOf(
    topic: string,
    { keys, values, timestampsMs, headers }: Chunk<unknown, unknown>,
    { key, value }: TopicSerdes<unknown, unknown>,
    wanted?: number,
  ): readonly OutgoingBatch[] {
    const partitions = this.#counts.get(topic) ?? 1
    if (wanted !== undefined) checkPartition(topic, wanted, partitions)
    const keyContext: ColumnContext = { topic, part: 'key', headers: undefined }
    const valueContext: ColumnContext = { topic, part: 'value', headers: undefined }
    for (let i = 0; i < keys.length; i++) {
      keyContext.headers = valueContext.headers = headers?.[i]
      const keyBytes = encode(keys[i], key, keyContext)
      const valueBytes = encode(values[i], value, valueContext)
      const partition = wanted ?? partitionFor(keyBytes, partitions, keyBytes ? 0 : this.#keyless++)
      this.#outgoing.addRecord(
        topic,
        partition,
        keyBytes,
        valueBytes,
        timestampsMs[i] as number,
        headers?.[i],
      )
    }
    return this.#outgoing.take()
  }
}

function checkPartition(topic: string, partition: number, partitions: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return
  const message = `the topic "${topic}" has no partition ${partition}: it has ${partitions}, counted from 0`
  throw new RivuletError('BAD_REQUEST', message, { place: { topic, partition } })
}
