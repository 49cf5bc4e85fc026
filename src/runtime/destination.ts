import { partitionFor } from '../kafka/partitioner.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import { encode } from '../serdes/encode.ts'
import type { Serde, SerdeContext } from '../serdes/serde.ts'
import type { OutgoingColumns } from './outgoing-columns.ts'
import type { OutgoingTopic } from './outgoing-topic.ts'

export interface RecordSerdes<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
}

/** One for all records of a column. */
interface ColumnContext extends SerdeContext {
  headers: Headers | undefined
}

/** A topic as one writer writes to it: with serdes of its own. */
export class Destination<K, V> {
  readonly topic: OutgoingTopic
  /** Who writes. */
  readonly #step: string
  readonly #serdes: RecordSerdes<K, V>
  readonly #keyContext: ColumnContext
  readonly #valueContext: ColumnContext
  #isPrepared: boolean

  constructor(topic: OutgoingTopic, serdes: RecordSerdes<K, V>, step = '') {
    this.topic = topic
    this.#step = step
    this.#serdes = serdes
    this.#keyContext = { topic: topic.name, part: 'key', headers: undefined }
    this.#valueContext = { topic: topic.name, part: 'value', headers: undefined }
    this.#isPrepared = !serdes.key.prepareWrite && !serdes.value.prepareWrite
  }

  /** Whether records can be written: its serdes are prepared, and it is known how many partitions there are. */
  get isOpen(): boolean {
    return this.#isPrepared && this.topic.partitions !== undefined
  }

  /** Lets the serdes fetch what writing needs. Rejects with what may pass. */
  async prepare(): Promise<void> {
    if (this.#isPrepared) return
    const { key, value } = this.#serdes
    await Promise.all([key.prepareWrite?.(this.#keyContext), value.prepareWrite?.(this.#valueContext)])
    this.#isPrepared = true
  }

  /** Throws what the serde throws. */
  encodeKey(key: K | null, headers: Headers | undefined): Buffer | null {
    this.#keyContext.headers = headers
    return encode(key, this.#serdes.key, this.#keyContext)
  }

  /** Throws what the serde throws. */
  encodeValue(value: V | null, headers: Headers | undefined): Buffer | null {
    this.#valueContext.headers = headers
    return encode(value, this.#serdes.value, this.#valueContext)
  }

  /**
   * Serializes a record of a chunk into the columns of its partition, which are added to `filled` when they were empty;
   * answers what it costs in memory, about. Absent, the partition is the key's, and `keyless` where there is none. To
   * be called when it is open. Throws what the serdes throw.
   */
  write(
    chunk: Chunk<K | null, V | null>,
    i: number,
    filled: OutgoingColumns[],
    keyless: number,
    partition?: number,
  ): number {
    const { keys, values, timestampsMs } = chunk
    const own = chunk.headers?.[i]
    const key = this.encodeKey(keys[i] as K | null, own)
    const value = this.encodeValue(values[i] as V | null, own)
    const { topic } = this
    const columns = topic.columnsOf(partition ?? partitionFor(key, topic.partitions as number, keyless))
    if (columns.length === 0) filled.push(columns)
    return columns.push(key, value, timestampsMs[i] as number, own, this.#step, chunk, i)
  }
}
