import type { LogDirectory, LogFile } from '../storage/storage.ts'
import {
  type BatchHeader,
  batchBaseOffset,
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

/** A run of batches in one file, named by its first offset, with a sparse index in memory. */
export class Segment {
  readonly baseOffset: number
  readonly file: LogFile
  /** Behind the last record. */
  nextOffset: number
  maxTimestampMs = -1
  /** When its first batch was appended, by this process; for `segment.ms`. */
  firstAppendMs: number | undefined
  // Columns, one row for each few KB: where a batch begins, and the largest timestamp before it.
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #maxTimestampsBefore: number[] = []
  // A consumer that reads on begins where its last read ended.
  #lastRead = { offset: -1, position: 0 }

  constructor(directory: LogDirectory, baseOffset: number, name = segmentName(baseOffset)) {
    this.baseOffset = baseOffset
    this.nextOffset = baseOffset
    this.file = directory.open(name)
  }

  get sizeBytes(): number {
    return this.file.sizeBytes
  }

  append(batch: Buffer, header: BatchHeader): void {
    const position = this.file.sizeBytes
    this.file.append(batch)
    this.#took(header, position)
  }

  /**
   * Reads all batches and checks them, calling `each` in order; the index is made on the way. Returns how many
   * bytes are sound: less than the size where the file is torn.
   */
  recover(each: (batch: ScannedBatch) => void): number {
    let soundBytes = 0
    for (const batch of this.scan(true)) {
      this.#took(batch.header, batch.position)
      soundBytes = batch.position + batch.bytes.length
      each(batch)
    }
    return soundBytes
  }

  /** All batches from `position`, as far as they are whole; with `check`, as far as they are sound and in order. */
  *scan(check = false, position = 0): Generator<ScannedBatch> {
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
      if (check && (batchFault(bytes) || header.baseOffset < nextOffset)) return
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
    const position = this.#positionOf(offset)
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
    return this.scan(false, this.#positions[row - 1] ?? 0)
  }

  truncate(sizeBytes: number): void {
    this.file.truncate(sizeBytes)
  }

  #took(header: BatchHeader, position: number): void {
    const lastPosition = this.#positions.at(-1)
    if (lastPosition === undefined || position - lastPosition >= indexIntervalBytes) {
      this.#offsets.push(header.baseOffset)
      this.#positions.push(position)
      this.#maxTimestampsBefore.push(this.maxTimestampMs)
    }
    this.nextOffset = header.lastOffset + 1
    this.maxTimestampMs = Math.max(this.maxTimestampMs, header.maxTimestampMs)
  }

  /** Where the batch begins that holds `offset`, or the first one after it. */
  #positionOf(offset: number): number {
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

const suffix = '.log'

/** As Kafka names them, so that they sort by offset. */
export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** The base offset in a segment's name; undefined for other files. */
export function segmentBaseOffset(name: string): number | undefined {
  return /^\d{20}\.log$/.test(name) ? Number(name.slice(0, 20)) : undefined
}
