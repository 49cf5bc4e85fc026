import type { LogDirectory, LogFile } from '../storage/storage.ts'

const suffix = '.rows'

/** A file of the log. */
export interface RowSegment {
  /** Position of its first byte in the log. */
  readonly base: number
  readonly file: LogFile
  /** How many rows were written to it, whatever became of them. */
  rows: number
  /** So much of it is on the medium. */
  syncedBytes: number
}

/**
 * Frames of rows, one behind the other, in files that are each named after the position at which they begin: so a gap is
 * seen, also where a file ends too early. What is written goes behind the end; what is deleted is the oldest file.
 */
export class RowLog {
  readonly #folder: LogDirectory
  /** With which each file begins. */
  readonly #start: Buffer
  readonly #segmentBytes: number
  #segments: RowSegment[] = []

  /** A new file is begun behind a frame with which one is larger than `segmentBytes`. */
  constructor(folder: LogDirectory, start: Buffer, segmentBytes: number) {
    this.#folder = folder
    this.#start = start
    this.#segmentBytes = segmentBytes
  }

  /** Oldest first. */
  get segments(): readonly RowSegment[] {
    return this.#segments
  }

  /** The position that a frame gets that is appended next. */
  get end(): number {
    const last = this.#segments.at(-1)
    return last ? endOf(last) : this.#start.length
  }

  /** How many rows there are in all of it. */
  get rows(): number {
    let sum = 0
    for (const { rows } of this.#segments) sum += rows
    return sum
  }

  /** Where frames begin in a segment. */
  get startBytes(): number {
    return this.#start.length
  }

  /** Finds the files that follow on each other and are of this log; the others are removed. */
  open(): void {
    const bases = this.#folder
      .files()
      .filter((name) => name.endsWith(suffix))
      .map((name) => Number(name.slice(0, -suffix.length)))
      .toSorted((a, b) => a - b)
    for (const base of bases) {
      const last = this.#segments.at(-1)
      const file = this.#folder.open(nameOf(base))
      const follows = !last || endOf(last) === base
      if (follows && file.read(0, this.#start.length).equals(this.#start))
        this.#segments.push({ base, file, rows: 0, syncedBytes: 0 })
      else {
        file.close()
        this.#folder.remove(nameOf(base))
      }
    }
  }

  /** Everything from this position on is cut off. */
  cut(position: number): void {
    while (this.end > position) {
      const last = this.#segments.at(-1)
      if (!last) return
      if (last.base + this.#start.length < position) last.file.truncate(position - last.base)
      else this.#remove(this.#segments.pop())
    }
  }

  /** So many bytes at a position, fewer where the file ends. */
  read(position: number, lengthBytes: number): Buffer {
    const { base, file } = this.#at(position)
    return file.read(position - base, lengthBytes)
  }

  /** Puts a frame at the end, of which `position` is to be where it stands: what `prepare` answered. */
  append(frame: Buffer, rows: number): void {
    const last = this.#segments.at(-1)
    if (!last) return
    last.file.append(frame)
    last.rows += rows
  }

  /** Begins a new file if it is time to; answers where the next frame comes to lie. */
  prepare(): number {
    const last = this.#segments.at(-1)
    if (!last || last.file.sizeBytes > this.#segmentBytes) {
      const base = last ? endOf(last) : 0
      const name = nameOf(base)
      this.#folder.remove(name)
      const file = this.#folder.open(name)
      file.append(this.#start)
      this.#segments.push({ base, file, rows: 0, syncedBytes: 0 })
    }
    return this.end
  }

  /**
   * Forgets the oldest file, of which nothing counts any more. It is deleted when what was written until now is on the medium:
   * only there is what did count.
   */
  async dropOldest(): Promise<void> {
    const oldest = this.#segments.shift()
    await Promise.all(this.#segments.map(sync))
    this.#remove(oldest)
  }

  /** All of it is gone. */
  clear(): void {
    while (this.#segments.length > 0) this.#remove(this.#segments.pop())
  }

  close(): void {
    for (const { file } of this.#segments) file.close()
    this.#segments = []
  }

  #at(position: number): RowSegment {
    const segments = this.#segments
    let [low, high] = [0, segments.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((segments[middle] as RowSegment).base <= position) low = middle
      else high = middle - 1
    }
    return segments[low] as RowSegment
  }

  #remove(segment: RowSegment | undefined): void {
    if (!segment) return
    segment.file.close()
    this.#folder.remove(nameOf(segment.base))
  }
}

async function sync(segment: RowSegment): Promise<void> {
  const { sizeBytes } = segment.file
  if (segment.syncedBytes === sizeBytes) return
  await segment.file.sync()
  segment.syncedBytes = sizeBytes
}

function endOf({ base, file }: RowSegment): number {
  return base + file.sizeBytes
}

/** In order of position, also by name. */
function nameOf(base: number): string {
  return `${String(base).padStart(16, '0')}${suffix}`
}
