import { messageOf, RivuletError } from '../errors.ts'
import type { Chunk } from '../records/chunk.ts'
import type { SinkBatch } from '../stream/sink.ts'
import { type BatchPart, batchPart, placeBytes } from './batch-part.ts'
import { RowWriter } from './row-writer.ts'
import type { ClickHouseTable } from './table.ts'

/** An insert of more may become several parts, and several parts are not atomic (`facts`: about 1.05 M). */
const batchRowsMax = 500_000

/** Rows as bytes, ready to be sent. Only their range is filled in when the batch's end is known. */
export class TableBatch<K, V> implements SinkBatch<K, V> {
  readonly topic: string
  readonly partition: number
  readonly #table: ClickHouseTable<K, V>
  readonly #name: string
  readonly #writer: RowWriter
  /** Where each row begins. */
  readonly #starts: number[] = []
  /** What all rows have behind their offset. */
  readonly #place: Uint8Array
  #firstOffset = -1
  #lastOffset = -1
  #nextOffset = 0
  #whole: BatchPart | undefined
  #isReleased = false

  constructor(
    table: ClickHouseTable<K, V>,
    name: string,
    { topic, partition, buffer }: { topic: string; partition: number; buffer: Buffer | undefined },
  ) {
    this.#table = table
    this.#name = name
    this.topic = topic
    this.partition = partition
    this.#writer = new RowWriter(buffer)
    this.#place = placeBytes(topic, partition)
  }

  get rows(): number {
    return this.#starts.length
  }

  get bytes(): number {
    return this.#writer.length
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  /** All or nothing: when a record can't be encoded, the batch is as it was before the chunk. */
  append(chunk: Chunk<K, V>, nextOffset: number): void {
    if (this.#whole)
      throw new RivuletError('INTERNAL', `A batch of ${this.#name} was appended to after it was sent`)
    const before = { rows: this.rows, bytes: this.bytes, first: this.#firstOffset, last: this.#lastOffset }
    try {
      this.#appendRows(chunk, nextOffset)
      this.#nextOffset = nextOffset
    } catch (error) {
      this.#starts.length = before.rows
      this.#writer.cut(before.bytes)
      this.#firstOffset = before.first
      this.#lastOffset = before.last
      throw error
    }
  }

  #appendRows({ keys, values, timestampsMs, offsets }: Chunk<K, V>, nextOffset: number): void {
    const writer = this.#writer
    for (let i = 0; i < keys.length; i++) {
      // A record made by the pipeline itself (a window that closed) has no offset: it belongs to the last one read.
      const own = offsets[i] as number
      const offset = own < 0 ? nextOffset - 1 : own
      const start = writer.length
      writer.integer64(offset)
      writer.raw(this.#place)
      if (!this.#encode(values[i] as V, keys[i] as K, timestampsMs[i] as number, offset)) {
        writer.cut(start)
        continue
      }
      if (this.rows === 0) this.#firstOffset = offset
      this.#lastOffset = Math.max(this.#lastOffset, offset)
      this.#starts.push(start)
    }
    if (this.rows > batchRowsMax) {
      const { topic, partition } = this
      throw new RivuletError(
        'BUFFER_FULL',
        `A batch of ${this.#name} is limited to ${batchRowsMax} rows, for one insert to be atomic`,
        { place: { table: this.#name, rows: this.rows, topic, partition } },
      )
    }
  }

  /** All of it, with the same bytes each time: a repeated insert must be the same. */
  whole(): BatchPart {
    if (this.#isReleased) throw new RivuletError('INTERNAL', `A batch of ${this.#name} was written twice`)
    if (!this.#whole) {
      const { topic, partition } = this
      const range = { from: this.#firstOffset, offset: this.#lastOffset, to: this.#nextOffset - 1 }
      const rows = { bytes: this.#writer.bytes, starts: this.#starts }
      this.#whole = batchPart({ topic, partition, range, rows })
    }
    return this.#whole
  }

  /**
   * Gives its buffer away, once ClickHouse has all of it; undefined where it is not worth keeping, or where an earlier
   * try, which was given up at its deadline, may still be reading in it.
   */
  release(): Buffer | undefined {
    this.#isReleased = true
    const { buffer, length } = this.#writer
    return this.#whole?.tries === 1 && length > buffer.length / 2 ? buffer : undefined
  }

  #encode(value: V, key: K, timestampMs: number, offset: number): boolean {
    try {
      return this.#table.encode(value, key, timestampMs, this.#writer)
    } catch (cause) {
      const { topic, partition } = this
      const code = cause instanceof RivuletError ? cause.code : 'CALLBACK_FAILED'
      throw new RivuletError(
        code,
        `${topic}/${partition} at ${offset} makes no row of ${this.#name}: ${messageOf(cause)}`,
        {
          cause,
          place: { table: this.#name, topic, partition, offset },
        },
      )
    }
  }
}
