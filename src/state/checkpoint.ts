import { crc32 } from 'node:zlib'
import type { LogDirectory, LogFile } from '../storage/storage.ts'
import type { LocalCopy } from './local-copy.ts'
import type { ChangelogAppender } from './store.ts'

/** What a commit changed in one store, in columns. */
export interface StoreChanges {
  readonly keys: readonly Buffer[]
  readonly values: readonly (Buffer | null)[]
  readonly timestampsMs: readonly number[]
  /** Where the row of each key lies in the store's table, as far as it knows. */
  readonly positions?: readonly (number | undefined)[]
}

/** How far changes reach in their changelog. */
export interface Reach {
  /** Behind the last of them: from there the changelog leads on. */
  readonly nextOffset: number
  /** Of the last of them; without any, it means nothing. */
  readonly lastOffset: number
  /** What lies behind them in the changelog was written after this moment. */
  readonly knownAtMs: number
}

/** By its offset and what it holds, a record that must lie in the changelog if the checkpoint is of it. */
export interface Witness {
  readonly offset: number
  readonly fingerprint: number
}

/** How far a checkpoint leads, and what shows whether the changelog leads on from there. */
export interface Covered {
  readonly nextOffset: number
  readonly knownAtMs: number
  /** Undefined: it has no records. */
  readonly witness: Witness | undefined
}

export interface CheckpointOptions {
  /** Opens the folder that the file lies in. */
  readonly folder: () => LogDirectory
  /** Of the file. */
  readonly name: string
  /** What the file belongs to, such as the changelog's name and partition: another one's is not taken for it. */
  readonly identity: string
  /** Of stores that forget by time: entries so much older than the newest need not be kept. */
  readonly forgetAfterMs?: number
  /** Told once, when the file can't be read or written: from then on there is none. */
  readonly failed: (error: unknown) => void
}

/** Rewritten when it has grown to twice what it held when it was rewritten last, and by no less than this. */
const growthBytesMin = 4 * 1024 * 1024
const magicText = 'RVCKPT2\n'
/** Length of what follows the header, its CRC-32. */
const frameHeaderBytes = 4 + 4
/** Next offset, time, offset of the witness (−1: none) and its fingerprint, number of entries. */
const bodyHeaderBytes = 8 + 8 + 8 + 4 + 4
/** Length of the key, length of the value (−1: null), timestamp. */
const entryHeaderBytes = 4 + 4 + 8

/**
 * A copy of a store's changelog on the local disk, so that a start reads only the changelog's tail: each commit appends
 * a frame with its changes and with the changelog's offset behind them. A frame that a crash has torn, and all that
 * follows it, is noticed by its checksum and cut off: the changelog has it. Nothing here rejects: a start without the
 * copy only takes longer.
 */
export class Checkpoint implements LocalCopy {
  readonly #options: CheckpointOptions
  #isGivenUp = false
  #folder: LogDirectory | undefined
  #file: LogFile | undefined
  /** What of the file counts. */
  #bytes = 0
  #compactedBytes = 0
  #witness: Witness | undefined
  /** One after the other, in the order of the calls. */
  #working: Promise<unknown> = Promise.resolve()

  constructor(options: CheckpointOptions) {
    this.#options = options
  }

  /** Undefined: nobody has asked for what lies there. */
  get path(): string | undefined {
    return this.#folder && `${this.#folder.path}/${this.#options.name}`
  }

  /**
   * Hands over what it holds, oldest first, so that the last entry of a key is the one that counts, and answers how far
   * that leads. Undefined: it holds nothing of use.
   */
  load(append: ChangelogAppender): Promise<Covered | undefined> {
    return this.#next(() => this.#load(append))
  }

  /** What comes is appended behind what `load` has found; without it, the file begins anew. */
  append(changes: StoreChanges, reach: Reach): Promise<void> {
    return this.#next(async () => {
      this.#witness = witnessOf(changes, reach) ?? this.#witness
      const frame = encodeFrame(changes, { ...reach, witness: this.#witness })
      this.#begun.append(frame)
      this.#bytes += frame.length
      if (this.#bytes > this.#compactedBytes * 2 + growthBytesMin) await this.#compact()
    })
  }

  /** Throws it away: the next `append` begins anew. */
  clear(): Promise<void> {
    return this.#next(async () => this.#clear())
  }

  close(): Promise<void> {
    return this.#next(async () => this.#close())
  }

  #next<T>(work: () => Promise<T>): Promise<T | undefined> {
    const done = this.#working.then(async () => {
      if (this.#isGivenUp) return undefined
      return work().catch((error) => this.#giveUp(error))
    })
    this.#working = done
    return done
  }

  /** What lies there is removed where it can be: it would only grow older. */
  #giveUp(error: unknown): undefined {
    this.#isGivenUp = true
    this.#options.failed(error)
    try {
      this.#clear()
    } catch {
      // As broken as it was: it has been told.
    }
    return undefined
  }

  #clear(): void {
    this.#close()
    this.#bytes = 0
    this.#witness = undefined
    this.#opened.remove(this.#options.name)
  }

  #close(): void {
    const file = this.#file
    this.#file = undefined
    file?.close()
  }

  get #opened(): LogDirectory {
    this.#folder ??= this.#options.folder()
    return this.#folder
  }

  async #load(append: ChangelogAppender): Promise<Covered | undefined> {
    const { name } = this.#options
    if (!this.#opened.files().includes(name)) return undefined
    this.#file ??= this.#opened.open(name)
    const bytes = this.#file.read(0, this.#file.sizeBytes)
    const start = this.#start
    if (!bytes.subarray(0, start.length).equals(start)) return undefined
    let covered: Covered | undefined
    let at = start.length
    for (let frame = readFrame(bytes, at); frame; frame = readFrame(bytes, at)) {
      const next = readCovered(frame.body)
      // None leads back: what does was not written here.
      if (covered && next.nextOffset < covered.nextOffset) break
      eachEntry(frame.body, append)
      covered = next
      at = frame.end
    }
    this.#bytes = at
    this.#compactedBytes = at
    this.#witness = covered?.witness
    return covered
  }

  get #start(): Buffer {
    return Buffer.from(`${magicText}${this.#options.identity}\n`)
  }

  /** Ends behind what counts of it: what a crash has torn is cut off. */
  get #begun(): LogFile {
    this.#file ??= this.#opened.open(this.#options.name)
    if (this.#file.sizeBytes !== this.#bytes) this.#file.truncate(this.#bytes)
    if (this.#bytes === 0) {
      const start = this.#start
      this.#file.append(start)
      this.#bytes = start.length
      this.#compactedBytes = start.length
    }
    return this.#file
  }

  /** Keeps the last entry of each key, in a new file that takes the place of the old one at once. */
  async #compact(): Promise<void> {
    const { name, forgetAfterMs } = this.#options
    const entries = new Map<string, { key: Buffer; value: Buffer; timestampMs: number }>()
    let newestMs = 0
    const covered = await this.#load((key, value, timestampMs) => {
      const text = key.toString('latin1')
      newestMs = Math.max(newestMs, timestampMs)
      if (value === null) entries.delete(text)
      else entries.set(text, { key, value, timestampMs })
    })
    if (!covered) return
    const kept = [...entries.values()].filter(
      ({ timestampMs }) => forgetAfterMs === undefined || timestampMs > newestMs - forgetAfterMs,
    )
    const frame = encodeFrame(
      {
        keys: kept.map(({ key }) => key),
        values: kept.map(({ value }) => value),
        timestampsMs: kept.map(({ timestampMs }) => timestampMs),
      },
      covered,
    )
    const bytes = Buffer.concat([this.#start, frame])
    const newName = `${name}.new`
    this.#opened.remove(newName)
    const file = this.#opened.open(newName)
    file.append(bytes)
    // On the medium before it takes the place of what is there already.
    await file.sync()
    file.close()
    this.#close()
    this.#opened.rename(newName, name)
    this.#bytes = bytes.length
    this.#compactedBytes = bytes.length
  }
}

/** Of what a record of a changelog holds: equal for equal ones, and hardly ever for others. */
export function fingerprintOf(key: Buffer, value: Buffer | null, timestampMs: number): number {
  const rest = Buffer.allocUnsafe(8 + 1)
  rest.writeDoubleBE(timestampMs)
  rest.writeUInt8(value ? 1 : 0, 8)
  return crc32(value ?? '', crc32(key, crc32(rest)))
}

/** The last of the changes; undefined: there are none. */
export function witnessOf(
  { keys, values, timestampsMs }: StoreChanges,
  { lastOffset }: Reach,
): Witness | undefined {
  const key = keys.at(-1)
  if (!key) return undefined
  return {
    offset: lastOffset,
    fingerprint: fingerprintOf(key, values.at(-1) ?? null, timestampsMs.at(-1) ?? 0),
  }
}

function encodeFrame({ keys, values, timestampsMs }: StoreChanges, covered: Covered): Buffer {
  let bodyBytes = bodyHeaderBytes
  keys.forEach((key, i) => {
    bodyBytes += entryHeaderBytes + key.length + (values[i]?.length ?? 0)
  })
  const frame = Buffer.allocUnsafe(frameHeaderBytes + bodyBytes)
  let at = frameHeaderBytes
  at = frame.writeDoubleBE(covered.nextOffset, at)
  at = frame.writeDoubleBE(covered.knownAtMs, at)
  at = frame.writeDoubleBE(covered.witness?.offset ?? -1, at)
  at = frame.writeUInt32BE(covered.witness?.fingerprint ?? 0, at)
  at = frame.writeUInt32BE(keys.length, at)
  keys.forEach((key, i) => {
    const value = values[i] ?? null
    at = frame.writeUInt32BE(key.length, at)
    at = frame.writeInt32BE(value?.length ?? -1, at)
    at = frame.writeDoubleBE(timestampsMs[i] as number, at)
    at += key.copy(frame, at)
    at += value?.copy(frame, at) ?? 0
  })
  frame.writeUInt32BE(bodyBytes, 0)
  frame.writeUInt32BE(crc32(frame.subarray(frameHeaderBytes)), 4)
  return frame
}

/** Undefined: nothing follows, or what follows is torn. */
function readFrame(bytes: Buffer, at: number): { readonly body: Buffer; readonly end: number } | undefined {
  if (at + frameHeaderBytes + bodyHeaderBytes > bytes.length) return undefined
  const bodyBytes = bytes.readUInt32BE(at)
  const end = at + frameHeaderBytes + bodyBytes
  // Zeros, as a loss of power leaves them, have a checksum that is right.
  if (bodyBytes < bodyHeaderBytes || end > bytes.length) return undefined
  const body = bytes.subarray(at + frameHeaderBytes, end)
  return crc32(body) === bytes.readUInt32BE(at + 4) ? { body, end } : undefined
}

function readCovered(body: Buffer): Covered {
  const offset = body.readDoubleBE(16)
  return {
    nextOffset: body.readDoubleBE(0),
    knownAtMs: body.readDoubleBE(8),
    witness: offset < 0 ? undefined : { offset, fingerprint: body.readUInt32BE(24) },
  }
}

function eachEntry(body: Buffer, append: ChangelogAppender): void {
  const count = body.readUInt32BE(bodyHeaderBytes - 4)
  let at = bodyHeaderBytes
  for (let i = 0; i < count; i++) {
    const keyLength = body.readUInt32BE(at)
    const valueLength = body.readInt32BE(at + 4)
    const timestampMs = body.readDoubleBE(at + 8)
    at += entryHeaderBytes
    const key = body.subarray(at, at + keyLength)
    at += keyLength
    const value = valueLength < 0 ? null : body.subarray(at, at + valueLength)
    at += Math.max(0, valueLength)
    append(key, value, timestampMs)
  }
}
