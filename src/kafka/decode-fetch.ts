import { gunzipSync } from 'node:zlib'
import { RivuletError } from '../errors.ts'
import { BytesColumn } from '../records/bytes-column.ts'
import { ByteReader } from './byte-reader.ts'
import { type PlainBatch, type RecordColumns, RecordReader, unreadable } from './record-reader.ts'

/** What one fetch answers for one partition. */
export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Kafka's code; 0 is none. */
  readonly errorCode: number
  /** The end of what all replicas have; −1 with an error. */
  readonly highWatermark: number
  /** The end of what read_committed can read; −1 with an error. */
  readonly endOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** RecordBatches; the last one may be cut off. */
  readonly batches: Buffer
}

export type FetchedBatches = Pick<FetchedPartition, 'abortedTransactions' | 'batches'>

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface FetchResponse {
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

/** A Fetch v11 response. Throws `KAFKA_FAILED` for torn bytes. */
export function decodeFetchResponse(bytes: Buffer): FetchResponse {
  return untorn(() => readFetchResponse(bytes))
}

function readFetchResponse(bytes: Buffer): FetchResponse {
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
  const highWatermark = reader.int64() // open transactions may keep it out of reach
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
  return { topic, partition, errorCode, highWatermark, endOffset, abortedTransactions, batches }
}

const batchHeaderBytes = 61
const lengthAt = 8
const leaderEpochAt = 12
const magicAt = 16
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const sequenceAt = 53
const countAt = 57
/** Of one batch: a megabyte of gzip can hold a gigabyte. */
const decompressedBytesMax = 256 * 1024 * 1024
const codecMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20

/** A batch of which something is wanted. */
interface WantedBatch extends PlainBatch {
  readonly count: number
  /** How what lies between `start` and `end` is compressed; 0: it is not. */
  readonly codec: number
}

export interface FetchedRecords extends RecordColumns {
  /** The offset to fetch next: behind transaction markers, aborted and compacted records too. */
  readonly nextOffset: number
  /** Which leader epochs wrote what was passed, in order. */
  readonly epochs: readonly FetchedEpoch[]
}

export interface FetchedEpoch {
  readonly epoch: number
  readonly fromOffset: number
}

/**
 * The records at and behind `fetchOffset`, without transaction markers and without those of aborted transactions.
 * Throws `KAFKA_FAILED` for what it can't read: an old message format, an unknown compression, torn bytes.
 */
export function decodeRecords(fetched: FetchedBatches, fetchOffset: number): FetchedRecords {
  return untorn(() => {
    const { wanted, epochs, nextOffset } = wantedBatches(fetched, fetchOffset)
    const { bytes, plain } = decompressed(fetched.batches, wanted)
    return { ...readBatches(bytes, plain, fetchOffset), epochs, nextOffset }
  })
}

/** What is read behind an end is a `RangeError`, and what can't be decompressed one of zlib's. */
function untorn<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof RivuletError ? error : unreadable('torn bytes')
  }
}

function wantedBatches(
  { batches, abortedTransactions }: FetchedBatches,
  fetchOffset: number,
): Pick<FetchedRecords, 'epochs' | 'nextOffset'> & { readonly wanted: readonly WantedBatch[] } {
  const wanted: WantedBatch[] = []
  const epochs: FetchedEpoch[] = []
  const aborted = new AbortedProducers(abortedTransactions)
  const header = new ByteReader(batches)
  let nextOffset = fetchOffset
  let at = 0
  while (at + batchHeaderBytes <= batches.length) {
    const length = lengthAt + 4 + batches.readInt32BE(at + lengthAt)
    if (length < batchHeaderBytes) throw unreadable('a batch shorter than its header')
    if (batches[at + magicAt] !== 2) throw unreadable(`message format ${batches[at + magicAt]}`)
    if (at + length > batches.length) break // cut off by the size limit
    const attributes = batches.readInt16BE(at + attributesAt)
    const baseOffset = int64At(header, at)
    const lastOffset = baseOffset + batches.readInt32BE(at + lastOffsetDeltaAt)
    if (!Number.isSafeInteger(lastOffset)) throw unreadable('offsets beyond 2^53')
    const skip = aborted.skips(
      attributes,
      int64At(header, at + producerIdAt),
      lastOffset,
      batches.subarray(at, at + length),
    )
    if (!skip && lastOffset >= fetchOffset) {
      wanted.push({
        baseOffset,
        baseTimestampMs: int64At(header, at + baseTimestampAt),
        appendTimeMs: attributes & logAppendTimeBit ? int64At(header, at + maxTimestampAt) : undefined,
        count: batches.readInt32BE(at + countAt),
        codec: attributes & codecMask,
        start: at + batchHeaderBytes,
        end: at + length,
      })
    }
    const epoch = batches.readInt32BE(at + leaderEpochAt)
    if (epoch !== epochs.at(-1)?.epoch) epochs.push({ epoch, fromOffset: Math.max(baseOffset, fetchOffset) })
    nextOffset = Math.max(nextOffset, lastOffset + 1)
    at += length
  }
  if (at === 0 && batches.length > 0) throw unreadable('a batch larger than a fetch')
  return { wanted, epochs, nextOffset }
}

/** Who wrote each whole batch, and where it is. */
export function* producerBatches(batches: Buffer) {
  const header = new ByteReader(batches)
  let at = 0
  while (at + batchHeaderBytes <= batches.length) {
    const length = lengthAt + 4 + batches.readInt32BE(at + lengthAt)
    if (at + length > batches.length) return // cut off by the size limit
    const baseOffset = int64At(header, at)
    yield {
      baseOffset,
      lastOffset: baseOffset + batches.readInt32BE(at + lastOffsetDeltaAt),
      producerId: int64At(header, at + producerIdAt),
      producerEpoch: batches.readInt16BE(at + producerEpochAt),
      sequence: batches.readInt32BE(at + sequenceAt),
    }
    at += length
  }
}

/** All in one buffer: as it was fetched, unless something in it is compressed. */
function decompressed(
  batches: Buffer,
  wanted: readonly WantedBatch[],
): { readonly bytes: Buffer; readonly plain: readonly WantedBatch[] } {
  if (wanted.every(({ codec }) => codec === 0)) return { bytes: batches, plain: wanted }
  const bodies = wanted.map(({ codec, start, end }) => decompress(batches.subarray(start, end), codec))
  let end = 0
  const plain = wanted.map((batch, i) => {
    const start = end
    end += bodies[i]?.length ?? 0
    return { ...batch, start, end }
  })
  return { bytes: Buffer.concat(bodies), plain }
}

function readBatches(bytes: Buffer, batches: readonly WantedBatch[], fetchOffset: number): RecordColumns {
  let count = 0
  for (const batch of batches) {
    if (batch.count < 0 || batch.count > batch.end - batch.start) throw unreadable('a torn batch')
    count += batch.count
  }
  const records: RecordColumns = {
    keys: new BytesColumn(bytes, count),
    values: new BytesColumn(bytes, count),
    timestampsMs: new Array(count),
    offsets: new Array(count),
  }
  for (const batch of batches) {
    const reader = new RecordReader(bytes, batch)
    for (let i = 0; i < batch.count; i++) reader.read(records, fetchOffset)
  }
  // Fewer where the first ones lie before `fetchOffset`.
  records.timestampsMs.length = records.keys.length
  records.offsets.length = records.keys.length
  return records
}

function int64At(reader: ByteReader, at: number): number {
  reader.at = at
  return reader.int64()
}

function decompress(body: Buffer, codec: number): Buffer {
  if (codec === 0) return body
  if (codec === 1) return gunzipSync(body, { maxOutputLength: decompressedBytesMax })
  throw unreadable(`${['', '', 'Snappy', 'LZ4', 'ZSTD'][codec] ?? `unknown (${codec})`} compression`)
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
    if (attributes & controlBit) {
      if (this.#inside.has(producerId) && isAbortMarker(batch)) this.#inside.delete(producerId)
      return true
    }
    return (attributes & transactionalBit) !== 0 && this.#inside.has(producerId)
  }
}

function isAbortMarker(batch: Buffer): boolean {
  const [start, end] = [batchHeaderBytes, batch.length]
  const marker = {
    baseOffset: 0,
    baseTimestampMs: 0,
    appendTimeMs: undefined,
    count: 1,
    codec: 0,
    start,
    end,
  }
  return readBatches(batch, [marker], 0).keys.at(0)?.readInt16BE(2) === 0
}
