import { gunzipSync } from 'node:zlib'
import { RivuletError } from '../errors.ts'
import { BytesColumn } from '../stream/bytes-column.ts'
import type { Headers } from '../stream/chunk.ts'
import { ByteReader } from './byte-reader.ts'

/** What one fetch answers for one partition. */
export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Kafka's code; 0 is none. */
  readonly errorCode: number
  /** The end of what read_committed can read; −1 with an error. */
  readonly endOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** RecordBatches; the last one may be cut off. */
  readonly batches: Buffer
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/** Columns of a `RawChunk`; keys, values and headers lie in the fetched bytes. */
export interface FetchedRecords {
  readonly keys: BytesColumn
  readonly values: BytesColumn
  readonly timestampsMs: number[]
  readonly offsets: number[]
  headers?: (Headers | undefined)[]
  /** The offset to fetch next: behind transaction markers, aborted and compacted records too. */
  nextOffset: number
}

/** A Fetch v11 response. */
export function decodeFetchResponse(bytes: Buffer): {
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
} {
  const reader = new ByteReader(bytes)
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  reader.int32() // session
  const topics = reader.array(() => {
    const topic = reader.string()
    return reader.array(() => decodePartition(reader, topic))
  })
  return { clientSideThrottleTime, errorCode, partitions: topics.flat() }
}

function decodePartition(reader: ByteReader, topic: string): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64() // high watermark, which open transactions may keep out of reach
  const endOffset = reader.int64()
  reader.int64() // log start
  const abortedTransactions = reader.array(() => ({
    producerId: reader.int64(),
    firstOffset: reader.int64(),
  }))
  reader.int32() // preferred replica
  const length = Math.max(0, reader.int32())
  const batches = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  return { topic, partition, errorCode, endOffset, abortedTransactions, batches }
}

const BATCH_HEADER_BYTES = 61
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const COUNT_AT = 57
const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

function noRecords(nextOffset: number): FetchedRecords {
  return { keys: new BytesColumn(), values: new BytesColumn(), timestampsMs: [], offsets: [], nextOffset }
}

/**
 * The records at and behind `fetchOffset`, without transaction markers and without those of aborted transactions.
 * Throws `KAFKA_FAILED` for what it can't read: an old message format, an unknown compression, torn bytes.
 */
export function decodeRecords(
  { batches, abortedTransactions }: FetchedPartition,
  fetchOffset: number,
): FetchedRecords {
  const records = noRecords(fetchOffset)
  const aborted = new AbortedProducers(abortedTransactions)
  const header = new ByteReader(batches)
  let at = 0
  while (at + BATCH_HEADER_BYTES <= batches.length) {
    const length = LENGTH_AT + 4 + batches.readInt32BE(at + LENGTH_AT)
    if (batches[at + MAGIC_AT] !== 2) throw unreadable(`message format ${batches[at + MAGIC_AT]}`)
    if (at + length > batches.length) break // cut off by the size limit
    const attributes = batches.readInt16BE(at + ATTRIBUTES_AT)
    const baseOffset = int64At(header, at)
    const lastOffset = baseOffset + batches.readInt32BE(at + LAST_OFFSET_DELTA_AT)
    const skip = aborted.skips(
      attributes,
      int64At(header, at + PRODUCER_ID_AT),
      lastOffset,
      batches.subarray(at, at + length),
    )
    if (!skip && lastOffset >= fetchOffset) {
      const baseTimestampMs = int64At(header, at + BASE_TIMESTAMP_AT)
      const appendTimeMs = attributes & LOG_APPEND_TIME ? int64At(header, at + MAX_TIMESTAMP_AT) : undefined
      const body = batches.subarray(at + BATCH_HEADER_BYTES, at + length)
      const count = batches.readInt32BE(at + COUNT_AT)
      const reader = new RecordReader(decompress(body, attributes & CODEC_MASK))
      for (let i = 0; i < count; i++) {
        reader.read(records, baseOffset, baseTimestampMs, appendTimeMs, fetchOffset)
      }
    }
    records.nextOffset = Math.max(records.nextOffset, lastOffset + 1)
    at += length
  }
  if (at === 0 && batches.length > 0) throw unreadable('a batch larger than a fetch')
  return records
}

function int64At(reader: ByteReader, at: number): number {
  reader.at = at
  return reader.int64()
}

function decompress(body: Buffer, codec: number): Buffer {
  if (codec === 0) return body
  if (codec === 1) return gunzipSync(body)
  throw unreadable(`${['', '', 'Snappy', 'LZ4', 'ZSTD'][codec] ?? `unknown (${codec})`} compression`)
}

function unreadable(what: string): RivuletError {
  return new RivuletError(
    'KAFKA_FAILED',
    `Can't read ${what}: Rivulet reads plain and gzip batches (magic 2)`,
  )
}

/** Follows which producers are inside a transaction that was aborted later. Source: Kafka's `CompletedFetch`. */
class AbortedProducers {
  readonly #coming: AbortedTransaction[]
  readonly #inside = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#coming = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the batch is none of the reader's business. */
  skips(attributes: number, producerId: number, lastOffset: number, batch: Buffer): boolean {
    // Before a marker too: a fetch may begin between the last record of an aborted transaction and its marker.
    for (let next = this.#coming[0]; next && next.firstOffset <= lastOffset; next = this.#coming[0]) {
      this.#inside.add(next.producerId)
      this.#coming.shift()
    }
    if (attributes & CONTROL) {
      if (this.#inside.has(producerId) && isAbortMarker(batch)) this.#inside.delete(producerId)
      return true
    }
    return (attributes & TRANSACTIONAL) !== 0 && this.#inside.has(producerId)
  }
}

function isAbortMarker(batch: Buffer): boolean {
  const records = noRecords(0)
  new RecordReader(batch.subarray(BATCH_HEADER_BYTES)).read(records, 0, 0, undefined, 0)
  return records.keys.at(0)?.readInt16BE(2) === 0
}

class RecordReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Appends one record to the columns, unless it lies before `fetchOffset`. */
  read(
    to: FetchedRecords,
    baseOffset: number,
    baseTimestampMs: number,
    appendTimeMs: number | undefined,
    fetchOffset: number,
  ): void {
    const length = this.#varint()
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw unreadable('a record that ends behind its batch')
    this.#at++ // attributes: unused
    const timestampMs = baseTimestampMs + this.#varlong()
    const offset = baseOffset + this.#varint()
    if (offset < fetchOffset) {
      this.#at = end
      return
    }
    this.#append(to.keys)
    this.#append(to.values)
    to.timestampsMs.push(appendTimeMs ?? timestampMs)
    to.offsets.push(offset)
    const headers = this.#varint()
    if (headers > 0) {
      to.headers ??= new Array<Headers | undefined>(to.offsets.length - 1).fill(undefined)
      to.headers.push(this.#headers(headers))
    } else to.headers?.push(undefined)
    this.#at = end
  }

  #headers(count: number): Headers {
    const headers: [string, Buffer][] = []
    for (let i = 0; i < count; i++) {
      const name = this.#nullable()?.toString() ?? ''
      const value = this.#nullable()
      // A header without value is as good as none: `Headers` holds bytes.
      if (value) headers.push([name, value])
    }
    // Assigned one by one, a header named `__proto__` would be lost.
    return Object.fromEntries(headers)
  }

  #append(column: BytesColumn): void {
    const length = this.#varint()
    if (length < 0) {
      column.pushNull()
      return
    }
    const from = this.#at
    this.#at = from + length
    column.push(this.#bytes, from, this.#at)
  }

  #nullable(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const from = this.#at
    this.#at = from + length
    return this.#bytes.subarray(from, this.#at)
  }

  #varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#at++] as number
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let zigzag = byte & 0x7f
    for (let shift = 7; byte >= 0x80 && shift < 35; shift += 7) {
      byte = bytes[this.#at++] as number
      zigzag |= (byte & 0x7f) << shift
    }
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  #varlong(): number {
    let byte = this.#bytes[this.#at++] as number
    let zigzag = byte & 0x7f
    for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
      byte = this.#bytes[this.#at++] as number
      zigzag += (byte & 0x7f) * factor
    }
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }
}
