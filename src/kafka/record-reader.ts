import type { BytesColumn } from '../records/bytes-column.ts'
import type { Header, Headers } from '../records/chunk.ts'

/** A RecordBatch whose records are in a buffer, not compressed. */
export interface PlainBatch {
  readonly baseOffset: number
  readonly baseTimestampMs: number
  /** Set where the broker's time counts, not the producer's. */
  readonly appendTimeMs: number | undefined
  /** Its records are `buffer[start, end)`. */
  readonly start: number
  readonly end: number
}

/** Columns of a `RawChunk`; keys, values and headers lie in the fetched bytes. */
export interface RecordColumns {
  readonly keys: BytesColumn
  readonly values: BytesColumn
  readonly timestampsMs: number[]
  readonly offsets: number[]
  headers?: (Headers | undefined)[]
}

/** Reads the records of a batch, one after the other. */
export class RecordReader {
  readonly #bytes: Buffer
  readonly #batch: PlainBatch
  #at: number

  constructor(bytes: Buffer, batch: PlainBatch) {
    this.#bytes = bytes
    this.#batch = batch
    this.#at = batch.start
  }

  /** Adds the next one to the columns, unless it lies before `fetchOffset`. Throws for torn bytes. */
  read(to: RecordColumns, fetchOffset: number): void {
    const { baseOffset, baseTimestampMs, appendTimeMs, end: batchEnd } = this.#batch
    const length = this.#varint()
    const end = this.#at + length
    // Of what is read behind the end, nothing compares.
    if (!(length >= 0 && end <= batchEnd)) throw new RangeError('a record ends behind its batch')
    this.#at++ // attributes: unused
    const timestampMs = baseTimestampMs + this.#varlong()
    const offset = baseOffset + this.#varint()
    if (offset < fetchOffset) {
      this.#at = end
      return
    }
    const index = to.keys.length
    this.#append(to.keys)
    this.#append(to.values)
    to.timestampsMs[index] = appendTimeMs ?? timestampMs
    to.offsets[index] = offset
    const headers = this.#varint()
    if (headers > 0) {
      to.headers ??= new Array<Headers | undefined>(index).fill(undefined)
      if (headers > end - this.#at) throw new RangeError('a record has more headers than bytes')
      to.headers.push(this.#headers(headers))
    } else to.headers?.push(undefined)
    if (!(this.#at <= end)) throw new RangeError('a key or value ends behind its record')
    this.#at = end
  }

  #headers(count: number): Headers {
    const headers: Header[] = []
    for (let i = 0; i < count; i++) headers.push([this.#nullable()?.toString() ?? '', this.#nullable()])
    return headers
  }

  #append(column: BytesColumn): void {
    const length = this.#varint()
    if (length < 0) {
      column.pushNull()
      return
    }
    const from = this.#at
    this.#at = from + length
    column.push(from, this.#at)
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
