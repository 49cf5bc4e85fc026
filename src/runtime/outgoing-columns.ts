import type { OutgoingRecords } from '../kafka/types.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import { OriginColumns } from './origin-columns.ts'

/** What a record costs beside its bytes, about. */
const recordOverheadBytes = 24

/** Serialized records of one partition, as they wait to be sent: in columns, without an object for each. */
export class OutgoingColumns {
  readonly topic: string
  readonly partition: number
  #keys: (Buffer | null)[] = []
  #values: (Buffer | null)[] = []
  #timestampsMs: number[] = []
  #headers: (Headers | undefined)[] | undefined
  #bytes = 0
  #origins: OriginColumns | undefined

  constructor(topic: string, partition: number, keepsOrigins = false) {
    this.topic = topic
    this.partition = partition
    this.#origins = keepsOrigins ? new OriginColumns() : undefined
  }

  get length(): number {
    return this.#keys.length
  }

  /** Where the records come from that are not taken yet; absent: nobody wants to know. */
  get origins(): OriginColumns | undefined {
    return this.#origins
  }

  /** What they cost in memory, about. */
  get bytes(): number {
    return this.#bytes
  }

  /** Answers what the record costs in memory, about. */
  push(
    key: Buffer | null,
    value: Buffer | null,
    timestampMs: number,
    headers: Headers | undefined,
    step?: string,
    chunk?: Chunk<unknown, unknown>,
    index?: number,
  ): number {
    this.#origins?.push(step, chunk, index)
    if (headers && !this.#headers) this.#headers = this.#keys.map(() => undefined)
    this.#headers?.push(headers)
    this.#keys.push(key)
    this.#values.push(value)
    this.#timestampsMs.push(timestampMs)
    const bytes = (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadBytes
    this.#bytes += bytes
    return bytes
  }

  /** Hands the records over and is empty then. */
  take(): OutgoingRecords {
    const headers = this.#headers
    const records = { keys: this.#keys, values: this.#values, timestampsMs: this.#timestampsMs }
    this.#keys = []
    this.#values = []
    this.#timestampsMs = []
    this.#headers = undefined
    this.#bytes = 0
    if (this.#origins) this.#origins = new OriginColumns()
    return headers ? { ...records, headers } : records
  }
}
