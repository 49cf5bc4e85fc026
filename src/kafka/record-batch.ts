import type { BatchCompressor } from '../compression/compression.ts'
import type { Headers } from '../records/chunk.ts'
import { crc32c } from './crc32c.ts'
import type { OutgoingRecords } from './types.ts'

/** Records `from` (inclusive) to `to` (exclusive) of one call. */
export interface RecordRange {
  readonly records: OutgoingRecords
  readonly from: number
  readonly to: number
}

/** Who appends: the broker drops a batch whose number it has seen. */
export interface Sequence {
  readonly producerId: string
  readonly producerEpoch: number
  /** Of the first record. */
  readonly sequence: number
  readonly transactional: boolean
}

const headerBytes = 61
/** Length, attributes, timestamp and offset deltas, lengths of key, value and headers: all varints at their longest. */
const recordOverheadBytesMax = 36
const crcAt = 17
const attributesAt = 21
const transactionalBit = 0x10

/** At least what the record takes in a batch, in bytes. */
export function recordBytesMax({ keys, values, headers }: OutgoingRecords, i: number): number {
  return (
    recordOverheadBytesMax + (keys[i]?.length ?? 0) + (values[i]?.length ?? 0) + headersBytesMax(headers?.[i])
  )
}

/** A RecordBatch (magic 2). Source: Kafka's `DefaultRecordBatch`. */
export function encodeBatch(
  ranges: readonly RecordRange[],
  sequence: Sequence,
  compressor?: BatchCompressor,
): Buffer {
  let bytesMax = headerBytes
  let count = 0
  let maxTimestampMs = Number.NEGATIVE_INFINITY
  for (const { records, from, to } of ranges) {
    count += to - from
    for (let i = from; i < to; i++) {
      bytesMax += recordBytesMax(records, i)
      maxTimestampMs = Math.max(maxTimestampMs, records.timestampsMs[i] as number)
    }
  }
  const first = ranges[0] as RecordRange
  const baseTimestampMs = first.records.timestampsMs[first.from] as number
  const writer = new RecordWriter(Buffer.allocUnsafe(bytesMax), headerBytes)
  let offsetDelta = 0
  for (const { records, from, to } of ranges) {
    for (let i = from; i < to; i++) {
      writer.record(
        (records.timestampsMs[i] as number) - baseTimestampMs,
        offsetDelta++,
        records.keys[i] ?? null,
        records.values[i] ?? null,
        records.headers?.[i],
      )
    }
  }
  const batch = compressor ? compressed(writer, compressor) : writer.bytes.subarray(0, writer.at)
  batch.fill(0, 0, 8) // base offset: the broker's
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12) // leader epoch: the broker's
  batch.writeInt8(2, 16)
  batch.writeInt16BE(
    (compressor?.attribute ?? 0) | (sequence.transactional ? transactionalBit : 0),
    attributesAt,
  )
  batch.writeInt32BE(count - 1, 23)
  batch.writeBigInt64BE(BigInt(baseTimestampMs), 27)
  batch.writeBigInt64BE(BigInt(maxTimestampMs), 35)
  batch.writeBigInt64BE(BigInt(sequence.producerId), 43)
  batch.writeInt16BE(sequence.producerEpoch, 51)
  batch.writeInt32BE(sequence.sequence, 53)
  batch.writeInt32BE(count, 57)
  batch.writeUInt32BE(crc32c(batch, attributesAt), crcAt)
  return batch
}

/** Room for the header, and the records behind it. */
function compressed({ bytes, at }: RecordWriter, { compress }: BatchCompressor): Buffer {
  const records = compress(bytes.subarray(headerBytes, at))
  const batch = Buffer.allocUnsafe(headerBytes + records.length)
  records.copy(batch, headerBytes)
  return batch
}

class RecordWriter {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  record(
    timestampDelta: number,
    offsetDelta: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: Headers = noHeaders,
  ): void {
    let length = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + varintSize(headers.length)
    length += nullableSize(key) + nullableSize(value)
    for (const [name, header] of headers) {
      const nameBytes = Buffer.byteLength(name)
      length += varintSize(nameBytes) + nameBytes + nullableSize(header)
    }
    this.varint(length)
    this.bytes[this.at++] = 0
    this.varlong(timestampDelta)
    this.varint(offsetDelta)
    this.nullable(key)
    this.nullable(value)
    this.varint(headers.length)
    for (const [name, header] of headers) {
      this.nullable(Buffer.from(name))
      this.nullable(header)
    }
  }

  nullable(bytes: Buffer | null): void {
    if (bytes === null) {
      this.bytes[this.at++] = 1 // −1 in zigzag
      return
    }
    this.varint(bytes.length)
    this.at += bytes.copy(this.bytes, this.at)
  }

  varint(value: number): void {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
    while (zigzag > 0x7f) {
      this.bytes[this.at++] = (zigzag & 0x7f) | 0x80
      zigzag >>>= 7
    }
    this.bytes[this.at++] = zigzag
  }

  varlong(value: number): void {
    let zigzag = value < 0 ? -value * 2 - 1 : value * 2
    while (zigzag > 0x7f) {
      this.bytes[this.at++] = (zigzag % 0x80) | 0x80
      zigzag = Math.floor(zigzag / 0x80)
    }
    this.bytes[this.at++] = zigzag
  }
}

const noHeaders: Headers = []

function nullableSize(bytes: Buffer | null): number {
  return bytes ? varintSize(bytes.length) + bytes.length : 1
}

function varintSize(value: number): number {
  return varlongSize(value)
}

function varlongSize(value: number): number {
  let zigzag = value < 0 ? -value * 2 - 1 : value * 2
  let bytes = 1
  while (zigzag > 0x7f) {
    bytes++
    zigzag = Math.floor(zigzag / 0x80)
  }
  return bytes
}

function headersBytesMax(headers: Headers | undefined): number {
  if (!headers) return 0
  let bytes = 0
  for (const [name, value] of headers) bytes += 10 + Buffer.byteLength(name) + (value?.length ?? 0)
  return bytes
}
