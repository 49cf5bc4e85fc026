import { type BatchCompressor, compressionOf, decompress } from '../../compression/compression.ts'
import { attribute, type BatchHeader, batchHeaderBytes, makeBatch, readBatchHeader } from './record-batch.ts'

/** One record as it stands in a batch's payload. Keys and values are views. */
export interface StoredRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** All of its bytes, its length included: enough to copy it. */
  readonly bytes: Buffer
}

const noRecords = Buffer.alloc(0)

/** The records of a batch. Throws on bytes that are none. */
export function readRecords(batch: Buffer): StoredRecord[] {
  const header = readBatchHeader(batch)
  const payload = payloadOf(batch, header)
  const appendTime = (header.attributes & attribute.logAppendTime) !== 0
  const cursor = { bytes: payload, position: 0 }
  const records: StoredRecord[] = []
  for (let i = 0; i < header.recordCount; i++) {
    const start = cursor.position
    const lengthBytes = varint(cursor)
    const end = cursor.position + lengthBytes
    if (lengthBytes < 0 || end > payload.length) throw new RangeError(`record ${i} is cut off`)
    cursor.position++ // Attributes: none are defined.
    const timestampDelta = varint(cursor)
    const offsetDelta = varint(cursor)
    const key = field(cursor)
    const value = field(cursor)
    if (cursor.position > end) throw new RangeError(`record ${i} is longer than it says`)
    cursor.position = end
    records.push({
      offset: header.baseOffset + offsetDelta,
      timestampMs: appendTime ? header.maxTimestampMs : header.baseTimestampMs + timestampDelta,
      key,
      value,
      bytes: payload.subarray(start, end),
    })
  }
  return records
}

/** Whether the lengths of an uncompressed batch's records add up; compressed ones are taken on trust, as in Kafka. */
export function recordsAddUp(batch: Buffer, header: BatchHeader): boolean {
  if (compressionOf(header.attributes) !== 'none') return true
  const cursor = { bytes: batch, position: batchHeaderBytes }
  for (let i = 0; i < header.recordCount; i++) {
    if (cursor.position >= batch.length) return false
    const lengthBytes = varint(cursor)
    if (lengthBytes < 0) return false
    cursor.position += lengthBytes
  }
  return cursor.position === batch.length
}

export interface FilterOptions {
  /** None: what is kept stands there as it is. */
  readonly compressor: BatchCompressor | undefined
  /** Says when the batch's tombstones may go. */
  readonly deleteHorizonMs?: number | undefined
}

/** The batch with only these of its records, and no longer transactional; its range of offsets stays. */
export function filterBatch(
  batch: Buffer,
  records: readonly StoredRecord[],
  { compressor, deleteHorizonMs }: FilterOptions,
): Buffer {
  const header = readBatchHeader(batch)
  const baseTimestampMs = deleteHorizonMs ?? header.baseTimestampMs
  const shiftMs = header.baseTimestampMs - baseTimestampMs
  const payload = Buffer.concat(records.map(({ bytes }) => (shiftMs === 0 ? bytes : shifted(bytes, shiftMs))))
  const kept = header.attributes & ~(attribute.codecMask | attribute.transactional)
  const horizon = deleteHorizonMs === undefined ? 0 : attribute.deleteHorizon
  return makeBatch(
    {
      ...header,
      attributes: kept | horizon | (compressor?.attribute ?? 0),
      baseTimestampMs,
      recordCount: records.length,
    },
    compressor ? compressor.compress(payload) : payload,
  )
}

/** When the batch's tombstones may go; undefined: nobody has said yet. */
export function deleteHorizonOf({ attributes, baseTimestampMs }: BatchHeader): number | undefined {
  return attributes & attribute.deleteHorizon ? baseTimestampMs : undefined
}

/** The record with `byMs` more to its timestamp delta: its time stays, where the base timestamp is less by as much. */
function shifted(record: Buffer, byMs: number): Buffer {
  const cursor = { bytes: record, position: 0 }
  varint(cursor)
  const attributesAt = cursor.position++
  const delta = encodeVarint(varint(cursor) + byMs)
  const rest = record.subarray(cursor.position)
  const body = [record.subarray(attributesAt, attributesAt + 1), delta, rest]
  return Buffer.concat([encodeVarint(1 + delta.length + rest.length), ...body])
}

export interface NewRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export interface NewBatch {
  readonly timestampMs: number
  readonly attributes?: number
  readonly producerId?: number
  readonly producerEpoch?: number
}

/** An uncompressed batch of the broker's own, all of one time, not placed yet. */
export function encodeBatch(records: readonly NewRecord[], options: NewBatch): Buffer {
  return makeBatch(
    {
      baseOffset: 0,
      lastOffset: records.length - 1,
      attributes: options.attributes ?? 0,
      baseTimestampMs: options.timestampMs,
      maxTimestampMs: options.timestampMs,
      producerId: options.producerId ?? -1,
      producerEpoch: options.producerEpoch ?? -1,
      baseSequence: -1,
      recordCount: records.length,
    },
    Buffer.concat(records.map(encodeRecord)),
  )
}

function encodeRecord({ key, value }: NewRecord, offsetDelta: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 0]), // attributes, timestamp delta
    encodeVarint(offsetDelta),
    encodeVarint(key?.length ?? -1),
    key ?? noRecords,
    encodeVarint(value?.length ?? -1),
    value ?? noRecords,
    encodeVarint(0), // headers
  ])
  return Buffer.concat([encodeVarint(body.length), body])
}

function payloadOf(batch: Buffer, { attributes }: BatchHeader): Buffer {
  const compression = compressionOf(attributes)
  if (!compression) throw new RangeError(`compression ${attributes & attribute.codecMask} is unknown`)
  return decompress(compression, batch.subarray(batchHeaderBytes))
}

interface Cursor {
  readonly bytes: Buffer
  position: number
}

/** A zigzag varint of up to 64 bits; exact up to 2⁵³. */
function varint(cursor: Cursor): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < 10; i++) {
    const byte = cursor.bytes[cursor.position++]
    if (byte === undefined) throw new RangeError('a varint is cut off')
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    scale *= 128
  }
  throw new RangeError('a varint is too long')
}

function encodeVarint(value: number): Buffer {
  let rest = value >= 0 ? value * 2 : value * -2 - 1
  const bytes: number[] = []
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

function field(cursor: Cursor): Buffer | null {
  const lengthBytes = varint(cursor)
  if (lengthBytes < 0) return null
  const start = cursor.position
  cursor.position += lengthBytes
  if (cursor.position > cursor.bytes.length) throw new RangeError('a field is cut off')
  return cursor.bytes.subarray(start, cursor.position)
}
