import { crc32 } from 'node:zlib'
import type { Covered } from './checkpoint.ts'
import { hashOf } from './row-index.ts'

/** Length of what follows the header, its CRC-32. */
const frameHeaderBytes = 4 + 4
/** Next offset, time, offset of the witness (−1: none) and its fingerprint; from where rows count; number of rows. */
const bodyHeaderBytes = 8 + 8 + 8 + 4 + 8 + 4
/** Hash of what follows, length of the key, of the value (−1: the row is deleted), timestamp, position of what it replaces. */
const rowHeaderBytes = 4 + 4 + 4 + 8 + 8

/** Where a store stands in its changelog, and what of the log it is made of. */
export interface FrameHead {
  readonly covered: Covered
  /** All rows that count lie there or behind. */
  readonly rowsFrom: number
}

/** How many bytes the row takes in a frame. */
export function rowBytes(key: Buffer, value: Buffer | null): number {
  return rowHeaderBytes + key.length + (value?.length ?? 0)
}

/** A frame while it is being written, at the position where it is going to stand. */
export class FrameWriter {
  readonly #position: number
  readonly #bytes: Buffer
  #at = frameHeaderBytes + bodyHeaderBytes
  #rows = 0

  /** `rowsBytesMax`: of all rows that come. */
  constructor(position: number, rowsBytesMax: number) {
    this.#position = position
    this.#bytes = Buffer.allocUnsafe(frameHeaderBytes + bodyHeaderBytes + rowsBytesMax)
  }

  get rows(): number {
    return this.#rows
  }

  /** Where the next row is going to stand. */
  get nextPosition(): number {
    return this.#position + this.#at
  }

  /** `replaces`: the position of the key's row before; 0: there is none. */
  write(key: Buffer, value: Buffer | null, timestampMs: number, replaces: number): void {
    const bytes = this.#bytes
    const from = this.#at + 4
    let at = bytes.writeUInt32LE(key.length, from)
    at = bytes.writeInt32LE(value?.length ?? -1, at)
    at = bytes.writeDoubleLE(timestampMs, at)
    at = bytes.writeDoubleLE(replaces, at)
    at += key.copy(bytes, at)
    at += value?.copy(bytes, at) ?? 0
    bytes.writeUInt32LE(hashOf(bytes, from, at), this.#at)
    this.#at = at
    this.#rows++
  }

  finish({ covered, rowsFrom }: FrameHead): Buffer {
    const frame = this.#bytes.subarray(0, this.#at)
    let at = frameHeaderBytes
    at = frame.writeDoubleLE(covered.nextOffset, at)
    at = frame.writeDoubleLE(covered.knownAtMs, at)
    at = frame.writeDoubleLE(covered.witness?.offset ?? -1, at)
    at = frame.writeUInt32LE(covered.witness?.fingerprint ?? 0, at)
    at = frame.writeDoubleLE(rowsFrom, at)
    frame.writeUInt32LE(this.#rows, at)
    frame.writeUInt32LE(frame.length - frameHeaderBytes, 0)
    frame.writeUInt32LE(crc32(frame.subarray(frameHeaderBytes)), 4)
    return frame
  }
}

/** A row as it stands in a log. */
export interface LoggedRow {
  readonly key: Buffer
  /** Null: it was deleted. */
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly replaces: number
}

/** How long the row is that begins there; undefined: more bytes are needed to say that. */
export function rowLengthAt(bytes: Buffer, at: number): number | undefined {
  if (at + rowHeaderBytes > bytes.length) return undefined
  return rowHeaderBytes + bytes.readUInt32LE(at + 4) + Math.max(0, bytes.readInt32LE(at + 8))
}

/** Undefined: it is damaged. */
export function rowAt(bytes: Buffer, at: number): LoggedRow | undefined {
  const lengthBytes = rowLengthAt(bytes, at)
  if (lengthBytes === undefined || at + lengthBytes > bytes.length) return undefined
  const end = at + lengthBytes
  if (hashOf(bytes, at + 4, end) !== bytes.readUInt32LE(at)) return undefined
  const valueAt = at + rowHeaderBytes + bytes.readUInt32LE(at + 4)
  return {
    key: bytes.subarray(at + rowHeaderBytes, valueAt),
    value: bytes.readInt32LE(at + 8) < 0 ? null : bytes.subarray(valueAt, end),
    timestampMs: bytes.readDoubleLE(at + 12),
    replaces: bytes.readDoubleLE(at + 20),
  }
}

/** A frame that is whole. */
interface Frame extends FrameHead {
  readonly rows: number
  /** Where its rows begin, and where it ends, in the bytes that it was read from. */
  readonly rowsAt: number
  readonly end: number
}

/** Undefined: nothing follows, or what follows is torn or damaged. */
function frameAt(bytes: Buffer, at: number): Frame | undefined {
  const bodyAt = at + frameHeaderBytes
  if (bodyAt + bodyHeaderBytes > bytes.length) return undefined
  const bodyBytes = bytes.readUInt32LE(at)
  const end = bodyAt + bodyBytes
  // Zeros, as a loss of power leaves them, have a checksum that is right.
  if (bodyBytes < bodyHeaderBytes || end > bytes.length) return undefined
  if (crc32(bytes.subarray(bodyAt, end)) !== bytes.readUInt32LE(at + 4)) return undefined
  const offset = bytes.readDoubleLE(bodyAt + 16)
  return {
    covered: {
      nextOffset: bytes.readDoubleLE(bodyAt),
      knownAtMs: bytes.readDoubleLE(bodyAt + 8),
      witness: offset < 0 ? undefined : { offset, fingerprint: bytes.readUInt32LE(bodyAt + 24) },
    },
    rowsFrom: bytes.readDoubleLE(bodyAt + 28),
    rows: bytes.readUInt32LE(bodyAt + 36),
    rowsAt: bodyAt + bodyHeaderBytes,
    end,
  }
}

/** Goes from frame to frame, and in each from row to row: millions of them, so what it is at is told by its properties. */
export class RowScan {
  readonly #bytes: Buffer
  /** Where the next frame begins. */
  #frameEnd: number
  /** Where the row begins, and where the next one does. */
  #at = 0
  #next: number

  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes
    this.#frameEnd = from
    this.#next = from
  }

  /** Behind what is whole: where the next frame begins. */
  get end(): number {
    return this.#frameEnd
  }

  /** Goes on to the next frame. Undefined: nothing follows that is whole. */
  nextFrame(): (FrameHead & { readonly rows: number }) | undefined {
    const frame = frameAt(this.#bytes, this.#frameEnd)
    if (!frame) return undefined
    this.#next = frame.rowsAt
    this.#frameEnd = frame.end
    return frame
  }

  /** Goes on to the next row of the frame; false: there is none. */
  nextRow(): boolean {
    if (this.#next >= this.#frameEnd) return false
    this.#at = this.#next
    this.#next += rowLengthAt(this.#bytes, this.#at) ?? 0
    return true
  }

  /** Where the row begins. */
  get at(): number {
    return this.#at
  }

  /** Of its key. */
  get hash(): number {
    const keyAt = this.#at + rowHeaderBytes
    return hashOf(this.#bytes, keyAt, keyAt + this.#bytes.readUInt32LE(this.#at + 4))
  }

  get isDeletion(): boolean {
    return this.#bytes.readInt32LE(this.#at + 8) < 0
  }

  get replaces(): number {
    return this.#bytes.readDoubleLE(this.#at + 20)
  }

  /** The row itself; undefined: it is damaged. */
  get row(): LoggedRow | undefined {
    return rowAt(this.#bytes, this.#at)
  }
}
