import type { Clock } from '../clock.ts'
import type { LogDirectory, LogFile } from './storage.ts'

const initialBytes = 4_096

/** A folder that lives in memory: for tests and simulations. */
export class MemoryDirectory implements LogDirectory {
  readonly path: string
  readonly #clock: Clock
  readonly #files = new Map<string, MemoryFile>()
  readonly #directories = new Map<string, MemoryDirectory>()

  constructor(clock: Clock, path = 'memory:') {
    this.#clock = clock
    this.path = path
  }

  files(): string[] {
    return [...this.#files.keys()]
  }

  open(name: string): LogFile {
    const file = this.#files.get(name) ?? new MemoryFile(this.#clock)
    this.#files.set(name, file)
    return file
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from)
    if (!file) throw new Error(`${this.path}/${from} does not exist`)
    this.#files.delete(from)
    this.#files.set(to, file)
  }

  remove(name: string): void {
    this.#files.delete(name)
  }

  directories(): string[] {
    return [...this.#directories.keys()]
  }

  directory(name: string): LogDirectory {
    const directory = this.#directories.get(name) ?? new MemoryDirectory(this.#clock, `${this.path}/${name}`)
    this.#directories.set(name, directory)
    return directory
  }

  removeDirectory(name: string): void {
    this.#directories.delete(name)
  }

  syncNow(): void {}
}

class MemoryFile implements LogFile {
  readonly #clock: Clock
  #bytes = Buffer.allocUnsafeSlow(initialBytes)
  sizeBytes = 0
  modifiedAtMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.modifiedAtMs = clock.now()
  }

  append(bytes: Buffer): void {
    const neededBytes = this.sizeBytes + bytes.length
    if (neededBytes > this.#bytes.length) this.#move(Math.max(neededBytes, this.#bytes.length * 2))
    bytes.copy(this.#bytes, this.sizeBytes)
    this.sizeBytes = neededBytes
    this.modifiedAtMs = this.#clock.now()
  }

  read(position: number, lengthBytes: number): Buffer {
    return this.#bytes.subarray(position, Math.min(position + lengthBytes, this.sizeBytes))
  }

  truncate(sizeBytes: number): void {
    this.sizeBytes = Math.min(this.sizeBytes, sizeBytes)
    // Views of the old bytes may still be on their way to a client.
    this.#move(this.#bytes.length)
  }

  async sync(): Promise<void> {}

  syncNow(): void {}

  setModifiedAt(timeMs: number): void {
    this.modifiedAtMs = timeMs
  }

  close(): void {}

  #move(capacityBytes: number): void {
    const moved = Buffer.allocUnsafeSlow(capacityBytes)
    this.#bytes.copy(moved, 0, 0, this.sizeBytes)
    this.#bytes = moved
  }
}
