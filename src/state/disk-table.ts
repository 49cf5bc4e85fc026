import type { Clock } from '../clock.ts'
import { messageOf, RivuletError } from '../errors.ts'
import type { LogDirectory } from '../storage/storage.ts'
import { type Covered, type Reach, type StoreChanges, type Witness, witnessOf } from './checkpoint.ts'
import type { LocalCopy } from './local-copy.ts'
import { FrameWriter, type LoggedRow, RowScan, rowAt, rowBytes, rowLengthAt } from './row-frame.ts'
import { hashOf, RowIndex } from './row-index.ts'
import { RowLog, type RowSegment } from './row-log.ts'

/** A row that was looked up. */
export interface StoredRow {
  /** As it was written. */
  readonly value: Buffer
  /** Event time of the record that made it. */
  readonly timestampMs: number
  /** Where it was found. */
  readonly position: number
}

/** A row, with its key. */
export interface KeyedRow extends Omit<StoredRow, 'position'> {
  /** As it was written. */
  readonly key: Buffer
}

/** Rows by their keys, as bytes. */
export interface RowTable {
  /** How many it has. */
  readonly size: number
  /** Undefined: there is none. */
  get(key: Buffer): StoredRow | undefined
  /** All of them as they are now, each once, in no particular order. */
  rows(): Iterable<KeyedRow>
}

export interface DiskTableOptions {
  /** Opens the folder that is its own. */
  readonly folder: () => LogDirectory
  /** What it belongs to, such as the changelog's name and partition: another one's is not taken for it. */
  readonly identity: string
  readonly clock: Pick<Clock, 'soon'>
  /** About as large are the files of its log. Default 32 MiB. */
  readonly segmentBytes?: number
  /** Told of what it goes on after: rows that can't be used, or files that can't be deleted. */
  readonly failed: (error: unknown) => void
}

const magicText = 'RVROWS1\n'
/** What is read of a row at first: most are not longer. */
const readBytes = 256
/** So many rows may be there for each one that counts. */
const wastefulFactor = 2
/** A step of cleaning looks at so many old rows, or at so many for each new one. */
const cleanedRowsMin = 1_024
const cleanedRowsFactor = 4

/** The oldest file while it is being cleaned. */
interface Cleaning {
  readonly segment: RowSegment
  readonly scan: RowScan
}

/**
 * The rows of a store on the local disk, and how far they reach in its changelog. Each commit is one frame at the end of a
 * log, with its changes and with the changelog's offset behind them; where the newest row of each key lies is known in
 * memory, and is found out at a start by reading the log once. What is old is cleaned away as new rows come: those of the
 * oldest file that still count go to the end once more, and the file is deleted. Source: Bitcask; the cleaning of
 * log-structured file systems.
 */
export class DiskTable implements LocalCopy, RowTable {
  readonly #options: DiskTableOptions
  #opened: { readonly log: RowLog; readonly path: string } | undefined
  #index = new RowIndex()
  #covered: Covered = { nextOffset: 0, knownAtMs: Number.NEGATIVE_INFINITY, witness: undefined }
  #rowsFrom = 0
  #cleaning: Cleaning | undefined
  #dropping: Promise<void> | undefined
  /** Who goes through all rows needs the files that were there at the beginning. */
  #readers = 0
  #isClosed = false
  /** What `#isWanted` looks for, and what it has found. */
  #wanted: Buffer = Buffer.alloc(0)
  #found: LoggedRow | undefined

  constructor(options: DiskTableOptions) {
    this.#options = options
  }

  get path(): string | undefined {
    return this.#opened?.path
  }

  get size(): number {
    return this.#index.size
  }

  async load(): Promise<Covered | undefined> {
    const log = this.#log
    log.open()
    let covered: Covered | undefined
    for (const segment of [...log.segments]) {
      const scan = this.#scanOf(segment)
      covered = this.#replay(segment, scan, covered)
      if (scan.end < segment.file.sizeBytes) {
        log.cut(segment.base + scan.end)
        break
      }
      // Many files take seconds, in which others must be heard.
      await new Promise<void>((resolve) => this.#options.clock.soon(resolve))
    }
    const [first] = log.segments
    if (!first) return undefined
    // What was moved behind the cut is missing now.
    if (!covered || first.base > this.#rowsFrom) {
      const message = `the rows in ${this.path} are damaged: they are read from the changelog again`
      this.#options.failed(new RivuletError('LOG_CORRUPT', message))
      await this.clear()
      return undefined
    }
    this.#covered = covered
    return covered
  }

  get(key: Buffer): StoredRow | undefined {
    const position = this.#find(hashOf(key), key)
    const row = this.#found
    // A row that is in the index was not deleted.
    if (position === undefined || !row?.value) return undefined
    return { value: row.value, timestampMs: row.timestampMs, position }
  }

  *rows(): Iterable<KeyedRow> {
    const log = this.#log
    const until = log.end
    this.#readers++
    try {
      for (const segment of [...log.segments]) {
        const scan = this.#scanOf(segment)
        while (this.#nextRow(scan)) {
          const position = segment.base + scan.at
          if (position >= until) return
          if (scan.isDeletion || !this.#countedAt(scan.hash, position, until)) continue
          const { key, value, timestampMs } = this.#undamaged(scan.row, position)
          // A copy: else one value would hold all of the file in memory.
          yield { key: Buffer.from(key), value: Buffer.from(value ?? ''), timestampMs }
          this.#checkIsThere(segment)
        }
      }
    } finally {
      this.#readers--
    }
  }

  /** Throws, and has changed nothing, where it can't be written. */
  append(changes: StoreChanges, reach: Reach): undefined {
    if (this.#isClosed) return
    const witness: Witness | undefined = witnessOf(changes, reach) ?? this.#covered.witness
    const { nextOffset, knownAtMs } = reach
    const covered = { nextOffset, knownAtMs, witness }
    const { keys, values, timestampsMs, positions } = changes
    const hashes = keys.map((key) => hashOf(key))
    const last = lastOfEach(keys, hashes)
    let bytesMax = 0
    for (const i of last) bytesMax += rowBytes(keys[i] as Buffer, values[i] ?? null)
    const frame = new FrameWriter(this.#log.prepare(), bytesMax)
    const moves = new Moves()
    for (const i of last) {
      const [key, hash, value] = [keys[i] as Buffer, hashes[i] as number, values[i] ?? null]
      const replaces = this.#positionOf(hash, key, positions?.[i])
      if (!value && replaces === 0) continue
      moves.add(hash, replaces, value ? frame.nextPosition : 0)
      frame.write(key, value, timestampsMs[i] as number, replaces)
    }
    this.#write(frame, covered, this.#rowsFrom)
    moves.apply(this.#index)
    this.#clean(last.length)
  }

  async clear(): Promise<void> {
    await this.#dropping
    this.#log.clear()
    this.#index = new RowIndex()
    this.#covered = { nextOffset: 0, knownAtMs: Number.NEGATIVE_INFINITY, witness: undefined }
    this.#rowsFrom = 0
    this.#cleaning = undefined
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#dropping
    this.#opened?.log.close()
  }

  get #log(): RowLog {
    if (this.#isClosed) {
      const message = `the rows of ${this.#options.identity} are closed`
      throw new RivuletError('NOT_READY', message, { retryable: true })
    }
    if (!this.#opened) {
      const { identity, segmentBytes = 32 * 1024 * 1024 } = this.#options
      const folder = this.#options.folder()
      const start = Buffer.from(`${magicText}${identity}\n`)
      this.#opened = { log: new RowLog(folder, start, segmentBytes), path: folder.path }
    }
    return this.#opened.log
  }

  #scanOf({ file }: RowSegment): RowScan {
    return new RowScan(file.read(0, file.sizeBytes), this.#log.startBytes)
  }

  /** Answers how far the last frame leads that is whole. */
  #replay(segment: RowSegment, scan: RowScan, covered: Covered | undefined): Covered | undefined {
    const index = this.#index
    let reached = covered
    for (let frame = scan.nextFrame(); frame; frame = scan.nextFrame()) {
      while (scan.nextRow()) {
        const { hash, replaces } = scan
        const position = segment.base + scan.at
        if (scan.isDeletion) index.remove(hash, replaces)
        // What it replaces may lie in a file that is deleted.
        else if (replaces === 0 || !index.move(hash, replaces, position)) index.add(hash, position)
      }
      segment.rows += frame.rows
      this.#rowsFrom = frame.rowsFrom
      reached = frame.covered
    }
    return reached
  }

  /** Where the row of the key lies, which was found at `known` once; 0: there is none. */
  #positionOf(hash: number, key: Buffer, known: number | undefined): number {
    if (known !== undefined && this.#index.has(hash, known)) return known
    return this.#find(hash, key) ?? 0
  }

  /** Where the row of the key lies; then it is `#found`. */
  #find(hash: number, key: Buffer): number | undefined {
    this.#wanted = key
    return this.#index.find(hash, this.#isWanted)
  }

  readonly #isWanted = (position: number): boolean => {
    const row = this.#rowAt(position)
    if (!row.key.equals(this.#wanted)) return false
    this.#found = row
    return true
  }

  #rowAt(position: number): LoggedRow {
    const log = this.#log
    let bytes = log.read(position, readBytes)
    const lengthBytes = rowLengthAt(bytes, 0) ?? 0
    if (lengthBytes > bytes.length) bytes = log.read(position, lengthBytes)
    return this.#undamaged(rowAt(bytes, 0), position)
  }

  /** The next row of a file, in whichever frame; false: it has no more. */
  #nextRow(scan: RowScan): boolean {
    while (!scan.nextRow()) if (!scan.nextFrame()) return false
    return true
  }

  #undamaged(row: LoggedRow | undefined, position: number): LoggedRow {
    if (row) return row
    const message = `the rows in ${this.path} are damaged at ${position}: at the next start they are read from the changelog again`
    throw new RivuletError('LOG_CORRUPT', message, {
      place: { ...(this.path !== undefined && { path: this.path }) },
    })
  }

  /** Whether the row at a position was its key's newest one when `until` was the end. */
  #countedAt(hash: number, position: number, until: number): boolean {
    if (this.#index.has(hash, position)) return true
    const isOf = (newest: number) => {
      let at = newest
      while (at >= until) at = this.#rowAt(at).replaces
      return at === position
    }
    return this.#index.find(hash, isOf) !== undefined
  }

  #checkIsThere({ base }: RowSegment): void {
    const [first] = this.#log.segments
    if (first && first.base <= base) return
    const message = `going through the rows in ${this.path} took so long that they have been rewritten`
    throw new RivuletError('NOT_READY', message, { retryable: true })
  }

  #write(frame: FrameWriter, covered: Covered, rowsFrom: number): void {
    try {
      this.#log.append(frame.finish({ covered, rowsFrom }), frame.rows)
    } catch (cause) {
      const message = `the rows can't be written to ${this.path}: ${messageOf(cause)}`
      throw new RivuletError('DISK_FULL', message, { cause, place: { path: this.path ?? '' } })
    }
    this.#covered = covered
    this.#rowsFrom = rowsFrom
  }

  /** Takes a step through the oldest file, if too much of the log is of no use. */
  #clean(added: number): void {
    if (this.#dropping || !this.#isWasteful(this.#readers > 0 ? 2 * wastefulFactor : wastefulFactor)) return
    const log = this.#log
    const [segment, next] = log.segments
    if (!segment || !next) return
    this.#cleaning ??= { segment, scan: this.#scanOf(segment) }
    const { scan } = this.#cleaning
    const counted: PlacedRow[] = []
    let bytesMax = 0
    let hasMore = true
    for (let left = Math.max(cleanedRowsMin, added * cleanedRowsFactor); left > 0 && hasMore; left--) {
      hasMore = this.#nextRow(scan)
      const position = segment.base + scan.at
      const hash = hasMore ? scan.hash : 0
      if (!hasMore || !this.#index.has(hash, position)) continue
      const row = this.#undamaged(scan.row, position)
      counted.push({ row, hash, position })
      bytesMax += rowBytes(row.key, row.value)
    }
    if (!hasMore && scan.end < segment.file.sizeBytes) this.#undamaged(undefined, segment.base + scan.end)
    this.#moveToEnd(counted, bytesMax, hasMore ? this.#rowsFrom : next.base)
    if (!hasMore) this.#drop()
  }

  #isWasteful(factor: number): boolean {
    return this.#log.rows > this.#index.size * factor
  }

  #moveToEnd(rows: readonly PlacedRow[], bytesMax: number, rowsFrom: number): void {
    const frame = new FrameWriter(this.#log.prepare(), bytesMax)
    const moves = new Moves()
    for (const { row, hash, position } of rows) {
      moves.add(hash, position, frame.nextPosition)
      frame.write(row.key, row.value, row.timestampMs, position)
    }
    this.#write(frame, this.#covered, rowsFrom)
    moves.apply(this.#index)
  }

  #drop(): void {
    this.#cleaning = undefined
    this.#dropping = this.#log
      .dropOldest()
      .catch(this.#options.failed)
      .finally(() => {
        this.#dropping = undefined
      })
  }
}

/** A row that counts, and where. */
interface PlacedRow {
  readonly row: LoggedRow
  readonly hash: number
  readonly position: number
}

/** What a frame means for the index, once it is written. */
class Moves {
  readonly #hashes: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []

  /** `from` 0: the row is new; `to` 0: it is deleted. */
  add(hash: number, from: number, to: number): void {
    this.#hashes.push(hash)
    this.#from.push(from)
    this.#to.push(to)
  }

  apply(index: RowIndex): void {
    for (let i = 0; i < this.#hashes.length; i++) {
      const [hash, from, to] = [this.#hashes[i] as number, this.#from[i] as number, this.#to[i] as number]
      if (to === 0) index.remove(hash, from)
      else if (from === 0) index.add(hash, to)
      else index.move(hash, from, to)
    }
  }
}

/** Of each key, where it stands last. */
function lastOfEach(keys: readonly Buffer[], hashes: readonly number[]): readonly number[] {
  const last = new Map<number, number>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Buffer
    let slot = hashes[i] as number
    for (let other = last.get(slot); other !== undefined && !key.equals(keys[other] as Buffer); ) {
      slot += 2 ** 32
      other = last.get(slot)
    }
    last.set(slot, i)
  }
  return [...last.values()]
}
