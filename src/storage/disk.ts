import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { LogDirectory, LogFile } from './storage.ts'

/** A folder on disk, created when it is missing. */
export class DiskDirectory implements LogDirectory {
  readonly path: string

  constructor(path: string) {
    this.path = path
    if (mkdirSync(path, { recursive: true })) syncDirectory(dirname(path))
  }

  files(): string[] {
    return this.#names((entry) => entry.isFile())
  }

  open(name: string): LogFile {
    const path = join(this.path, name)
    const isNew = !existsSync(path)
    const file = new DiskFile(path)
    if (isNew) syncDirectory(this.path)
    return file
  }

  rename(from: string, to: string): void {
    renameSync(join(this.path, from), join(this.path, to))
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { force: true })
  }

  directories(): string[] {
    return this.#names((entry) => entry.isDirectory())
  }

  directory(name: string): LogDirectory {
    return new DiskDirectory(join(this.path, name))
  }

  removeDirectory(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true })
    this.syncNow()
  }

  syncNow(): void {
    syncDirectory(this.path)
  }

  #names(wanted: (entry: { isFile(): boolean; isDirectory(): boolean }) => boolean): string[] {
    return readdirSync(this.path, { withFileTypes: true })
      .filter(wanted)
      .map((entry) => entry.name)
  }
}

/** A new name lasts only once its folder is on the medium. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return // It has no such thing.
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

class DiskFile implements LogFile {
  readonly #fd: number
  #closed = false
  #syncing: Promise<void> | undefined
  #nextSync: Promise<void> | undefined
  sizeBytes: number

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644)
    this.sizeBytes = fstatSync(this.#fd).size
  }

  get modifiedAtMs(): number {
    return fstatSync(this.#fd).mtimeMs
  }

  append(bytes: Buffer): void {
    try {
      let written = 0
      while (written < bytes.length) {
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.sizeBytes + written)
      }
    } catch (error) {
      // On a full disk a part may have been written.
      ftruncateSync(this.#fd, this.sizeBytes)
      throw error
    }
    this.sizeBytes += bytes.length
  }

  read(position: number, lengthBytes: number): Buffer {
    const wanted = Math.max(0, Math.min(lengthBytes, this.sizeBytes - position))
    const bytes = Buffer.allocUnsafe(wanted)
    let read = 0
    while (read < wanted) {
      const count = readSync(this.#fd, bytes, read, wanted - read, position + read)
      if (count === 0) break
      read += count
    }
    return bytes.subarray(0, read)
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.#fd, sizeBytes)
    this.sizeBytes = sizeBytes
  }

  sync(): Promise<void> {
    if (!this.#syncing) return this.#startSync()
    // The one under way may have missed the latest bytes; all who come meanwhile share the next one.
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#nextSync = undefined
        return this.#startSync()
      })
    return this.#nextSync
  }

  syncNow(): void {
    fdatasyncSync(this.#fd)
  }

  setModifiedAt(timeMs: number): void {
    futimesSync(this.#fd, timeMs / 1000, timeMs / 1000)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // The operating system may give the number to another file: wait for the sync that uses it.
    if (this.#syncing) void this.#syncing.then(this.#release, this.#release)
    else this.#release()
  }

  readonly #release = () => closeSync(this.#fd)

  #startSync(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#syncing = new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()))
    }).finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }
}
