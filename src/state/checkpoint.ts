import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { ChangelogAppender } from './store.ts'

/** What a commit changed in one store, in columns. */
export interface StoreChanges {
  readonly keys: readonly Buffer[]
  readonly values: readonly (Buffer | null)[]
  readonly timestampsMs: readonly number[]
}

export interface CheckpointOptions {
  readonly path: string
  /** What the file belongs to, such as the changelog's name and partition: another one's is not taken for it. */
  readonly identity: string
  /** Of stores that forget by time: entries so much older than the newest need not be kept. */
  readonly forgetAfterMs?: number
  /** Told once, when the file can't be read or written: from then on there is none. */
  readonly failed: (error: unknown) => void
}

/** Rewritten when it has grown to twice what it held when it was rewritten last, and by no less than this. */
const growthBytesMin = 4 * 1024 * 1024
const magicText = 'RVCKPT1\n'
/** Length of what follows the header, its CRC-32. */
const frameHeaderBytes = 4 + 4
/** Changelog offset, number of entries. */
const bodyHeaderBytes = 8 + 4
/** Length of the key, length of the value (−1: null), timestamp. */
const entryHeaderBytes = 4 + 4 + 8

/**
 * A copy of a store's changelog on the local disk, so that a start reads only the changelog's tail: each commit appends
 * a frame with its changes and with the changelog's offset behind them. A frame that a crash has torn, and all that
 * follows it, is noticed by its checksum and cut off: the changelog has it. Nothing here rejects: a start without the
 * copy only takes longer.
 */
export class Checkpoint {
  readonly #options: CheckpointOptions
  #isGivenUp = false
  #file: FileHandle | undefined
  #bytes = 0
  #compactedBytes = 0
  /** One after the other, in the order of the calls. */
  #working: Promise<unknown> = Promise.resolve()

  constructor(options: CheckpointOptions) {
    this.#options = options
  }

  get path(): string {
    return this.#options.path
  }

  /**
   * Hands over what it holds, oldest first, so that the last entry of a key is the one that counts. Answers the offset
   * from which the changelog leads on; undefined: it holds nothing of use.
   */
  load(append: ChangelogAppender): Promise<number | undefined> {
    return this.#next(() => this.#load(append))
  }

  /** What comes is appended behind what `load` has found; without it, the file begins anew. */
  append(changes: StoreChanges, changelogOffset: number): Promise<void> {
    const frame = encodeFrame(changes, changelogOffset)
    return this.#next(async () => {
      const file = await this.#open()
      await file.write(frame, 0, frame.length, this.#bytes)
      this.#bytes += frame.length
      if (this.#bytes > this.#compactedBytes * 2 + growthBytesMin) await this.#compact(changelogOffset)
    })
  }

  /** Throws it away: the next `append` begins anew. */
  clear(): Promise<void> {
    return this.#next(async () => {
      await this.#close()
      this.#bytes = 0
      await rm(this.#options.path, { force: true })
    })
  }

  close(): Promise<void> {
    return this.#next(() => this.#close())
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
  async #giveUp(error: unknown): Promise<undefined> {
    this.#isGivenUp = true
    this.#options.failed(error)
    await this.#close().catch(() => undefined)
    await rm(this.#options.path, { force: true }).catch(() => undefined)
    return undefined
  }

  async #load(append: ChangelogAppender): Promise<number | undefined> {
    const bytes = await readFile(this.#options.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    const start = this.#start
    if (!bytes.subarray(0, start.length).equals(start)) return undefined
    let changelogOffset: number | undefined
    let at = start.length
    for (let frame = readFrame(bytes, at); frame; frame = readFrame(bytes, at)) {
      const behind = frame.body.readDoubleBE(0)
      // Each commit leads on: what does not was not written here.
      if (behind <= (changelogOffset ?? -1)) break
      eachEntry(frame.body, append)
      changelogOffset = behind
      at = frame.end
    }
    this.#bytes = at
    return changelogOffset
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  get #start(): Buffer {
    return Buffer.from(`${magicText}${this.#options.identity}\n`)
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file
    const { path } = this.#options
    await mkdir(dirname(path), { recursive: true })
    const begun = this.#bytes > 0
    const file = await open(path, begun ? 'r+' : 'w')
    this.#file = file
    if (begun) await file.truncate(this.#bytes)
    else {
      const start = this.#start
      await file.write(start, 0, start.length, 0)
      this.#bytes = start.length
    }
    this.#compactedBytes = this.#bytes
    return file
  }

  /** Keeps the last entry of each key, in a new file that takes the place of the old one at once. */
  async #compact(changelogOffset: number): Promise<void> {
    const { path, forgetAfterMs } = this.#options
    const entries = new Map<string, { key: Buffer; value: Buffer; timestampMs: number }>()
    let newestMs = 0
    await this.#load((key, value, timestampMs) => {
      const name = key.toString('latin1')
      newestMs = Math.max(newestMs, timestampMs)
      if (value === null) entries.delete(name)
      else entries.set(name, { key, value, timestampMs })
    })
    const kept = [...entries.values()].filter(
      ({ timestampMs }) => forgetAfterMs === undefined || timestampMs > newestMs - forgetAfterMs,
    )
    const frame = encodeFrame(
      {
        keys: kept.map(({ key }) => key),
        values: kept.map(({ value }) => value),
        timestampsMs: kept.map(({ timestampMs }) => timestampMs),
      },
      changelogOffset,
    )
    const bytes = Buffer.concat([this.#start, frame])
    const file = await open(`${path}.new`, 'w')
    await file.writeFile(bytes)
    await file.sync()
    await file.close()
    await this.#close()
    await rename(`${path}.new`, path)
    this.#bytes = bytes.length
    this.#compactedBytes = bytes.length
  }
}

function encodeFrame({ keys, values, timestampsMs }: StoreChanges, changelogOffset: number): Buffer {
  let bodyBytes = bodyHeaderBytes
  keys.forEach((key, i) => {
    bodyBytes += entryHeaderBytes + key.length + (values[i]?.length ?? 0)
  })
  const frame = Buffer.allocUnsafe(frameHeaderBytes + bodyBytes)
  let at = frameHeaderBytes
  at = frame.writeDoubleBE(changelogOffset, at)
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

function eachEntry(body: Buffer, append: ChangelogAppender): void {
  const count = body.readUInt32BE(8)
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
