import { compressionMask } from '../../compression/compression.ts'
import { crc32c } from '../../kafka/crc32c.ts'

/** Bytes before the records of a batch. Source: Kafka's `DefaultRecordBatch`, magic 2. */
export const batchHeaderBytes = 61
/** Base offset and length: what stands before the bytes that the length counts. */
export const batchLengthOverheadBytes = 12

const at = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const

export const attribute = {
  codecMask: compressionMask,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  /** In place of the base timestamp stands when its tombstones may go. Source: KIP-534. */
  deleteHorizon: 0x40,
} as const

/** The header of one record batch, wherever it stands. */
export interface BatchHeader {
  readonly baseOffset: number
  /** Offset of its last record, or of the last that it had before compaction. */
  readonly lastOffset: number
  /** All of it, the header included. */
  readonly sizeBytes: number
  /** Of the leader that wrote it. */
  readonly leaderEpoch: number
  readonly attributes: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  /** −1: of no idempotent producer. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export function readBatchHeader(bytes: Buffer, position = 0): BatchHeader {
  const baseOffset = int64(bytes, position + at.baseOffset)
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(position + at.lastOffsetDelta),
    sizeBytes: batchSizeBytes(bytes, position),
    leaderEpoch: bytes.readInt32BE(position + at.leaderEpoch),
    attributes: bytes.readInt16BE(position + at.attributes),
    baseTimestampMs: int64(bytes, position + at.baseTimestamp),
    maxTimestampMs: int64(bytes, position + at.maxTimestamp),
    producerId: int64(bytes, position + at.producerId),
    producerEpoch: bytes.readInt16BE(position + at.producerEpoch),
    baseSequence: bytes.readInt32BE(position + at.baseSequence),
    recordCount: bytes.readInt32BE(position + at.recordCount),
  }
}

/** What the batch at `position` says of its size; needs its first 12 bytes only. May be nonsense in a torn log. */
export function batchSizeBytes(bytes: Buffer, position = 0): number {
  return batchLengthOverheadBytes + bytes.readInt32BE(position + at.length)
}

export function batchBaseOffset(bytes: Buffer, position = 0): number {
  return int64(bytes, position + at.baseOffset)
}

export function batchLastOffset(bytes: Buffer, position = 0): number {
  return batchBaseOffset(bytes, position) + bytes.readInt32BE(position + at.lastOffsetDelta)
}

/** Why `bytes` are not exactly one sound batch; undefined when they are. */
export function batchFault(bytes: Buffer): 'incomplete' | 'magic' | 'crc' | undefined {
  if (bytes.length < batchHeaderBytes || batchSizeBytes(bytes) !== bytes.length) return 'incomplete'
  if (bytes[at.magic] !== 2) return 'magic'
  if (bytes.readUInt32BE(at.crc) !== crc32c(bytes, at.attributes)) return 'crc'
  return undefined
}

/**
 * A checksum of batches, one after the other, from that of those before (0: none). Of each it takes what its own CRC leaves
 * out, and that CRC: sound batches of this checksum are all there, and each is in its place.
 */
export function batchesChecksum(before: number, batch: Buffer): number {
  return crc32c(batch, 0, at.attributes, before)
}

/** The CRC leaves these bytes out, so that a broker may place a batch without touching its records. */
export function placeBatch(bytes: Buffer, baseOffset: number, leaderEpoch: number): void {
  writeInt64(bytes, at.baseOffset, baseOffset)
  bytes.writeInt32BE(leaderEpoch, at.leaderEpoch)
}

/** The broker's time for all records, for topics with `message.timestamp.type=LogAppendTime`. */
export function stampBatch(bytes: Buffer, appendTimeMs: number): void {
  bytes.writeInt16BE(bytes.readInt16BE(at.attributes) | attribute.logAppendTime, at.attributes)
  writeInt64(bytes, at.maxTimestamp, appendTimeMs)
  bytes.writeUInt32BE(crc32c(bytes, at.attributes), at.crc)
}

/** Everything but the size, which follows from the payload. */
export type BatchFields = Omit<BatchHeader, 'sizeBytes' | 'leaderEpoch'> &
  Partial<Pick<BatchHeader, 'leaderEpoch'>>

/** A batch from its header's fields and the bytes of its records, already compressed as `attributes` say. */
export function makeBatch(fields: BatchFields, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(batchHeaderBytes + payload.length)
  writeInt64(bytes, at.baseOffset, fields.baseOffset)
  bytes.writeInt32BE(bytes.length - batchLengthOverheadBytes, at.length)
  bytes.writeInt32BE(fields.leaderEpoch ?? 0, at.leaderEpoch)
  bytes.writeInt8(2, at.magic)
  bytes.writeInt16BE(fields.attributes, at.attributes)
  bytes.writeInt32BE(fields.lastOffset - fields.baseOffset, at.lastOffsetDelta)
  writeInt64(bytes, at.baseTimestamp, fields.baseTimestampMs)
  writeInt64(bytes, at.maxTimestamp, fields.maxTimestampMs)
  writeInt64(bytes, at.producerId, fields.producerId)
  bytes.writeInt16BE(fields.producerEpoch, at.producerEpoch)
  bytes.writeInt32BE(fields.baseSequence, at.baseSequence)
  bytes.writeInt32BE(fields.recordCount, at.recordCount)
  payload.copy(bytes, batchHeaderBytes)
  bytes.writeUInt32BE(crc32c(bytes, at.attributes), at.crc)
  return bytes
}

function int64(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position) * 0x1_0000_0000 + bytes.readUInt32BE(position + 4)
}

function writeInt64(bytes: Buffer, position: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes.writeInt32BE(high, position)
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, position + 4)
}
