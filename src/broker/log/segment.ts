import type { LogDirectory, LogFile } from '../../storage/storage.ts'
import {
  type BatchHeader,
  batchBaseOffset,
  batchesChecksum,
  batchFault,
  batchHeaderBytes,
  batchLastOffset,
  batchLengthOverheadBytes,
  batchSizeBytes,
  readBatchHeader,
} from './record-batch.ts'

const indexIntervalBytes = 4_096
const scanBlockBytes = 1_048_576

export interface ScannedBatch {
  readonly header: BatchHeader
  readonly bytes: Buffer
  readonly position: number
}

/** Whole batches as they stand in the log. */
export interface Slice {
  readonly bytes: Buffer
  /** Behind the last of them. */
  readonly nextOffset: number
}

/** What a segment's file is called, and what that says of it. */
export interface SegmentName {
  readonly name: string
  readonly baseOffset: number
  readonly compacted?: CompactedSegment
}

export interface CompactedSegment {
  /** Behind the offsets that the segment stands for, whether or not it has records of them left. */
  readonly endOffset: number
  /** Of its batches. Undefined: written before there were any. */
  readonly checksum: number | undefined
}

/**
 * How offsets go on from batch to batch: without a gap where nothing was compacted, which also tells a damaged base
 * offset, as no CRC covers it.
 */
export type OffsetOrder = 'contiguous' | 'increasing'

/** A run of batches in one file, named by its first offset, with a sparse index in memory. */
export class Segment {
  readonly name: string
  readonly baseOffset: number
  readonly compacted: CompactedSegment | undefined
  readonly file: LogFile
  /** Behind the last record; of a compacted segment, behind the last one that it had. */
  nextOffset: number
  maxTimestampMs = -1
  /** Of the batches that were found and appended. */
  checksum = 0
  /** When its first batch was appended, by this process; for `segment.ms`. */
  firstAppendMs: number | undefined
  // Columns, one row for each few KB: where a batch begins, and the largest timestamp before it.
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #maxTimestampsBefore: number[] = []
  // A consumer that reads on begins where its last read ended.
  #lastRead = { offset: -1, position: 0 }

  constructor(directory: LogDirectory, { name, baseOffset, compacted }: SegmentName) {
    this.name = name
    this.baseOffset = baseOffset
    this.compacted = compacted
    this.nextOffset = compacted?.endOffset ?? baseOffset
    this.file = directory.open(name)
  }

  get sizeBytes(): number {
    return this.file.sizeBytes
  }

  append(batch: Buffer, header: BatchHeader): void {
    const position = this.file.sizeBytes
    this.file.append(batch)
    this.#took({ bytes: batch, header, position })
  }

  /**
   * Reads all batches and checks them, calling `each` in order; the index is made on the way. Returns how many
   * bytes are sound: less than the size where the file is torn.
   */
  recover(order: OffsetOrder, each: (batch: ScannedBatch) => void): number {
    let soundBytes = 0
    for (const batch of this.scan(0, order)) {
      this.#took(batch)
      soundBytes = batch.position + batch.bytes.length
      each(batch)
    }
    return soundBytes
  }

  /** All batches from `position`, as far as they are whole; with `order`, as far as they are sound and in that order. */
  *scan(position = 0, order?: OffsetOrder): Generator<ScannedBatch> {
    let at = position
    let block: Buffer = Buffer.alloc(0)
    let blockAt = at
    let nextOffset = this.baseOffset
    const view = (lengthBytes: number) => {
      if (at + lengthBytes > blockAt + block.length) {
        block = this.file.read(at, Math.max(lengthBytes, scanBlockBytes))
        blockAt = at
      }
      return block.subarray(at - blockAt, at - blockAt + lengthBytes)
    }
    while (at + batchHeaderBytes <= this.file.sizeBytes) {
      const sizeBytes = batchSizeBytes(view(batchLengthOverheadBytes))
      if (sizeBytes < batchHeaderBytes || at + sizeBytes > this.file.sizeBytes) return
      const bytes = view(sizeBytes)
      const header = readBatchHeader(bytes)
      if (order && (batchFault(bytes) || !this.#follows(header, nextOffset, order))) return
      yield { header, bytes, position: at }
      nextOffset = header.lastOffset + 1
      at += sizeBytes
    }
  }

  /**
   * Whole batches from the one that holds `offset` (or the next after it), up to `bytesMax`, but one at least, and
   * none from `beforeOffset` on. Undefined where there are none.
   */
  read(offset: number, bytesMax: number, beforeOffset: number): Slice | undefined {
    const position = this.positionOf(offset)
    if (position >= this.file.sizeBytes) return undefined
    let bytes = this.file.read(position, Math.max(bytesMax, batchLengthOverheadBytes))
    const firstBytes = batchSizeBytes(bytes)
    if (firstBytes > bytes.length) bytes = this.file.read(position, firstBytes)
    let end = 0
    let nextOffset = offset
    while (end + batchHeaderBytes <= bytes.length) {
      const sizeBytes = batchSizeBytes(bytes, end)
      if (end + sizeBytes > bytes.length || batchBaseOffset(bytes, end) >= beforeOffset) break
      nextOffset = batchLastOffset(bytes, end) + 1
      end += sizeBytes
    }
    if (end === 0) return undefined
    this.#lastRead = { offset: nextOffset, position: position + end }
    return { bytes: bytes.subarray(0, end), nextOffset }
  }

  /** The batches that may hold the first record of `timestampMs` or later. */
  scanForTimestamp(timestampMs: number): Generator<ScannedBatch> {
    let row = this.#maxTimestampsBefore.findIndex((before) => before >= timestampMs)
    if (row < 0) row = this.#maxTimestampsBefore.length
    return this.scan(this.#positions[row - 1] ?? 0)
  }

  #follows({ baseOffset, lastOffset }: BatchHeader, nextOffset: number, order: OffsetOrder): boolean {
    if (this.compacted && lastOffset >= this.compacted.endOffset) return false
    return order === 'contiguous' ? baseOffset === nextOffset : baseOffset >= nextOffset
  }

  #took({ bytes, header, position }: ScannedBatch): void {
    const lastPosition = this.#positions.at(-1)
    if (lastPosition === undefined || position - lastPosition >= indexIntervalBytes) {
      this.#offsets.push(header.baseOffset)
      this.#positions.push(position)
      this.#maxTimestampsBefore.push(this.maxTimestampMs)
    }
    if (!this.compacted) this.nextOffset = header.lastOffset + 1
    this.checksum = batchesChecksum(this.checksum, bytes)
    this.maxTimestampMs = Math.max(this.maxTimestampMs, header.maxTimestampMs)
  }

  /** Where the batch begins that holds `offset`, or the first one after it. */
  positionOf(offset: number): number {
    if (offset <= this.baseOffset) return 0
    if (offset === this.#lastRead.offset) return this.#lastRead.position
    let low = 0
    let high = this.#offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#offsets[middle]! <= offset) low = middle + 1
      else high = middle
    }
    let position = this.#positions[low - 1] ?? 0
    const end = this.#positions[low] ?? this.file.sizeBytes
    const bytes = this.file.read(position, end - position)
    const from = position
    while (position < end && batchLastOffset(bytes, position - from) < offset) {
      position += batchSizeBytes(bytes, position - from)
    }
    return position
  }
}

const width = 20

/** As Kafka names them, so that they sort by offset; a compacted one says by its name what it must hold. */
export function segmentName(baseOffset: number, compacted?: CompactedSegment): SegmentName {
  const padded = (offset: number) => String(offset).padStart(width, '0')
  if (!compacted) return { name: `${padded(baseOffset)}.log`, baseOffset }
  const { endOffset, checksum } = compacted
  const ending = checksum === undefined ? '' : `-${checksum.toString(16).padStart(8, '0')}`
  return { name: `${padded(baseOffset)}-${padded(endOffset)}${ending}.log`, baseOffset, compacted }
}

/** What a name says; undefined for other files. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const [, baseOffset, endOffset, checksum] =
    /^(\d{20})(?:-(\d{20})(?:-([0-9a-f]{8}))?)?\.log$/.exec(name) ?? []
  if (baseOffset === undefined) return undefined
  if (endOffset === undefined) return segmentName(Number(baseOffset))
  return segmentName(Number(baseOffset), {
    endOffset: Number(endOffset),
    checksum: checksum === undefined ? undefined : Number.parseInt(checksum, 16),
  })
}
