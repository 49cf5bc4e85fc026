import { compressionMask, compressionOf, decompress, unpackedBytesMax } from '../compression/compression.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { BytesColumn } from '../records/bytes-column.ts'
import { ByteReader } from './byte-reader.ts'
import { crc32c } from './crc32c.ts'
import { type PlainBatch, type RecordColumns, RecordReader } from './record-reader.ts'
import type { TopicPartition } from './types.ts'

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
  /** The node to read from, where the leader names another one than itself, and answers nothing else; −1: none. */
  readonly preferredReplica: number
  /** RecordBatches; the last one may be cut off. */
  readonly batches: Buffer
}

export type FetchedBatches = Pick<FetchedPartition, 'topic' | 'partition' | 'abortedTransactions' | 'batches'>

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
  try {
    return readFetchResponse(bytes)
  } catch (error) {
    throw new RivuletError('KAFKA_FAILED', "Can't read Kafka's answer to a fetch: it is torn", {
      cause: error,
    })
  }
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
  const preferredReplica = reader.int32()
  const length = Math.max(0, reader.int32())
  const batches = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  const place = { topic, partition }
  return { ...place, errorCode, highWatermark, endOffset, abortedTransactions, preferredReplica, batches }
}

const batchHeaderBytes = 61
const lengthAt = 8
const leaderEpochAt = 12
const magicAt = 16
const crcAt = 17
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const maxTimestampAt = 35
const producerIdAt = 43
const producerEpochAt = 51
const sequenceAt = 53
const countAt = 57
/** Length, attributes, deltas of time and offset, lengths of key, value and headers: a byte each at least. */
const recordBytesMin = 7
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20
/** Of one partition in one answer, beside one batch: what follows is fetched again. */
const unpackedBytesOfFetchMax = unpackedBytesMax / 4

/** What a whole batch says of itself, and where it is. */
interface BatchHeader extends PlainBatch {
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly attributes: number
  readonly producerId: number
  readonly count: number
}

/** A batch of which something is wanted. */
interface WantedBatch extends PlainBatch {
  readonly count: number
  /** Its records, where they were compressed: then they don't lie in what was fetched. */
  readonly unpacked?: Buffer | undefined
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
 * The records at and behind `fetchOffset`, without transaction markers and without those of aborted transactions; where
 * they unpack to too much at once, not all that were fetched. Throws `KAFKA_FAILED`, with the place, for what it can't
 * read: an old message format, an unknown compression, torn or damaged bytes; `BAD_CONFIG` for a compression whose package
 * is missing.
 */
export function decodeRecords(fetched: FetchedBatches, fetchOffset: number): FetchedRecords {
  const { wanted, epochs, nextOffset } = wantedBatches(fetched, fetchOffset)
  const { bytes, plain } = inOneBuffer(fetched.batches, wanted)
  return { ...readBatches(bytes, plain, fetchOffset, fetched), epochs, nextOffset }
}

/** Says of whatever is thrown where it was. */
function placed<T>({ topic, partition }: TopicPartition, offset: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const code = error instanceof RivuletError ? error.code : 'KAFKA_FAILED'
    const message = `Can't read partition ${partition} of topic ${topic} at offset ${offset}: ${messageOf(error)}`
    throw new RivuletError(code, message, { cause: error, place: { topic, partition, offset } })
  }
}

function wantedBatches(
  fetched: FetchedBatches,
  fetchOffset: number,
): Pick<FetchedRecords, 'epochs' | 'nextOffset'> & { readonly wanted: readonly WantedBatch[] } {
  const { batches } = fetched
  const wanted: WantedBatch[] = []
  const epochs: FetchedEpoch[] = []
  const aborted = new AbortedProducers(fetched.abortedTransactions)
  const reader = new ByteReader(batches)
  let nextOffset = fetchOffset
  let unpackedBytes = 0
  let at = 0
  while (at + batchHeaderBytes <= batches.length && unpackedBytes < unpackedBytesOfFetchMax) {
    const header = placed(fetched, nextOffset, () => headerAt(reader, at))
    if (header.end > batches.length) break // cut off by the size limit
    const { baseOffset, lastOffset, leaderEpoch } = header
    if (!aborted.skips(header, batches) && lastOffset >= fetchOffset) {
      const unpacked = placed(fetched, baseOffset, () => unpack(batches, header))
      unpackedBytes += unpacked?.length ?? 0
      wanted.push({ ...header, unpacked })
    }
    if (leaderEpoch !== epochs.at(-1)?.epoch)
      epochs.push({ epoch: leaderEpoch, fromOffset: Math.max(baseOffset, fetchOffset) })
    nextOffset = Math.max(nextOffset, lastOffset + 1)
    at = header.end
  }
  if (at === 0 && batches.length > 0)
    placed(fetched, fetchOffset, () => {
      throw new RangeError('a batch is larger than a fetch')
    })
  return { wanted, epochs, nextOffset }
}

/** Of the batch that begins there; it may end behind what was fetched. */
function headerAt(reader: ByteReader, at: number): BatchHeader {
  const { bytes } = reader
  const length = lengthAt + 4 + bytes.readInt32BE(at + lengthAt)
  if (length < batchHeaderBytes) throw new RangeError('a batch is shorter than its header')
  if (bytes[at + magicAt] !== 2)
    throw new RangeError(
      `message format ${bytes[at + magicAt]} is not read, only 2, which came with Kafka 0.11`,
    )
  const attributes = bytes.readInt16BE(at + attributesAt)
  const baseOffset = int64At(reader, at)
  const lastOffset = baseOffset + bytes.readInt32BE(at + lastOffsetDeltaAt)
  if (!Number.isSafeInteger(lastOffset)) throw new RangeError('offsets are beyond 2^53')
  return {
    baseOffset,
    lastOffset,
    baseTimestampMs: int64At(reader, at + baseTimestampAt),
    appendTimeMs: attributes & logAppendTimeBit ? int64At(reader, at + maxTimestampAt) : undefined,
    leaderEpoch: bytes.readInt32BE(at + leaderEpochAt),
    attributes,
    producerId: int64At(reader, at + producerIdAt),
    count: bytes.readInt32BE(at + countAt),
    start: at + batchHeaderBytes,
    end: at + length,
  }
}

/**
 * The records of a compressed batch; undefined: they are not. Its CRC is looked at before: unlike records as they are, what
 * was damaged here may well unpack to something else.
 */
function unpack(batches: Buffer, { attributes, start, end }: BatchHeader): Buffer | undefined {
  const compression = compressionOf(attributes)
  if (compression === 'none') return undefined
  if (!compression) throw new RangeError(`compression ${attributes & compressionMask} is unknown`)
  const batchAt = start - batchHeaderBytes
  if (batches.readUInt32BE(batchAt + crcAt) !== crc32c(batches, batchAt + attributesAt, end))
    throw new RangeError(`a ${compression} batch is damaged: its CRC does not fit`)
  try {
    return decompress(compression, batches.subarray(start, end))
  } catch (error) {
    if (error instanceof RivuletError) throw error
    throw new RangeError(`a ${compression} batch can't be unpacked: ${messageOf(error)}`, { cause: error })
  }
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

/** As it was fetched, unless something in it was compressed. */
function inOneBuffer(
  batches: Buffer,
  wanted: readonly WantedBatch[],
): { readonly bytes: Buffer; readonly plain: readonly WantedBatch[] } {
  if (wanted.every(({ unpacked }) => unpacked === undefined)) return { bytes: batches, plain: wanted }
  const bodies = wanted.map(({ unpacked, start, end }) => unpacked ?? batches.subarray(start, end))
  let end = 0
  const plain = wanted.map((batch, i) => {
    const start = end
    end += bodies[i]?.length ?? 0
    return { ...batch, start, end }
  })
  return { bytes: Buffer.concat(bodies), plain }
}

function readBatches(
  bytes: Buffer,
  batches: readonly WantedBatch[],
  fetchOffset: number,
  of: TopicPartition,
): RecordColumns {
  let count = 0
  for (const batch of batches) {
    placed(of, batch.baseOffset, () => checkCount(batch))
    count += batch.count
  }
  const records: RecordColumns = {
    keys: new BytesColumn(bytes, count),
    values: new BytesColumn(bytes, count),
    timestampsMs: new Array(count),
    offsets: new Array(count),
  }
  for (const batch of batches)
    placed(of, batch.baseOffset, () => {
      const reader = new RecordReader(bytes, batch)
      for (let i = 0; i < batch.count; i++) reader.read(records, fetchOffset)
    })
  // Fewer where the first ones lie before `fetchOffset`.
  records.timestampsMs.length = records.keys.length
  records.offsets.length = records.keys.length
  return records
}

/** Room is made for what a batch says that it holds. */
function checkCount({ count, start, end }: WantedBatch): void {
  if (count < 0 || count > (end - start) / recordBytesMin)
    throw new RangeError(`a batch of ${end - start} bytes can't hold ${count} records`)
}

function int64At(reader: ByteReader, at: number): number {
  reader.at = at
  return reader.int64()
}

/** Follows which producers are inside a transaction that was aborted later. Source: Kafka's `CompletedFetch`. */
class AbortedProducers {
  readonly #coming: AbortedTransaction[]
  readonly #inside = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#coming = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the batch is none of the reader's business. */
  skips({ attributes, producerId, lastOffset, start, end }: BatchHeader, batches: Buffer): boolean {
    // Before a marker too: a fetch may begin between the last record of an aborted transaction and its marker.
    for (let next = this.#coming[0]; next && next.firstOffset <= lastOffset; next = this.#coming[0]) {
      this.#inside.add(next.producerId)
      this.#coming.shift()
    }
    if (attributes & controlBit) {
      if (this.#inside.has(producerId) && isAbortMarker(batches.subarray(start, end)))
        this.#inside.delete(producerId)
      return true
    }
    return (attributes & transactionalBit) !== 0 && this.#inside.has(producerId)
  }
}

function isAbortMarker(records: Buffer): boolean {
  const batch = { baseOffset: 0, baseTimestampMs: 0, appendTimeMs: undefined, start: 0, end: records.length }
  const marker = {
    keys: new BytesColumn(records, 1),
    values: new BytesColumn(records, 1),
    timestampsMs: [],
    offsets: [],
  }
  new RecordReader(records, batch).read(marker, 0)
  return marker.keys.at(0)?.readInt16BE(2) === 0
}
