import type { TopicPartition } from '../kafka/types.ts'
import { BytesColumn } from '../records/bytes-column.ts'
import type { RawChunk } from '../records/chunk.ts'
import type { OutgoingColumns } from '../runtime/outgoing-columns.ts'

/** Topics as a broker has them: bytes in partitions, with offsets. */
export class DriverTopics {
  /** Of each partition that was written to. */
  readonly #endOffsets = new Map<string, number>()
  /** By their partitions, in order. */
  readonly #chunks = new Map<string, RawChunk[]>()

  /** Takes over what is in the columns. */
  append(columns: OutgoingColumns): RawChunk {
    const { topic, partition } = columns
    const { keys, values, timestampsMs, headers } = columns.take()
    const name = `${topic}/${partition}`
    const from = this.#endOffsets.get(name) ?? 0
    this.#endOffsets.set(name, from + timestampsMs.length)
    const chunk = {
      topic,
      partition,
      keys: BytesColumn.of(keys),
      values: BytesColumn.of(values),
      timestampsMs,
      offsets: timestampsMs.map((_, i) => from + i),
      ...(headers && { headers }),
    }
    const chunks = this.#chunks.get(name) ?? []
    chunks.push(chunk)
    this.#chunks.set(name, chunks)
    return chunk
  }

  /** The chunk in which the record lies. */
  chunkAt({ topic, partition }: TopicPartition, offset: number): RawChunk | undefined {
    return this.#chunks.get(`${topic}/${partition}`)?.findLast(({ offsets }) => offsets.includes(offset))
  }
}
