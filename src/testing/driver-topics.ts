import type { OutgoingRecords } from '../kafka/types.ts'
import { BytesColumn } from '../records/bytes-column.ts'
import type { RawChunk } from '../records/chunk.ts'

/** Topics as a broker has them: bytes in partitions, with offsets. What was appended is delivered in that order. */
export class DriverTopics {
  /** Of each partition that was written to. */
  readonly #endOffsets = new Map<string, number>()
  readonly #undelivered: RawChunk[] = []

  /** How many records have not been delivered. */
  get undelivered(): number {
    return this.#undelivered.reduce((sum, { offsets }) => sum + offsets.length, 0)
  }

  append(topic: string, partition: number, records: OutgoingRecords): RawChunk {
    const { keys, values, timestampsMs, headers } = records
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
    this.#undelivered.push(chunk)
    return chunk
  }

  get first(): RawChunk | undefined {
    return this.#undelivered[0]
  }

  delivered(): void {
    this.#undelivered.shift()
  }
}
