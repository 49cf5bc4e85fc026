import type { LogDirectory, LogFile } from '../../storage/storage.ts'
import type { Machine } from './machine.ts'

/** How long the medium takes to have what was written, and while it is slow. */
const syncMs = 2
const slowSyncMs = 15

/**
 * A disk that knows what is on its medium and what only the operating system holds: the end of a process loses nothing, a
 * loss of power what was not synced. It outlives the machines that use it.
 */
export class SimulatedDisk {
  readonly #root = new Folder('disk:')
  /** Everything together; what would be more fails as on a full disk. */
  bytesMax = Number.POSITIVE_INFINITY
  isSlow = false

  /** The disk as a process on this machine has it; once that is dead, it does nothing any more. */
  openedBy(machine: Machine): LogDirectory {
    return new OpenFolder(this.#root, { machine, disk: this })
  }

  /** What was not synced is gone, but for a part of it that had been written by chance: cut off, or with holes in it. */
  losePower(random: () => number): void {
    for (const file of this.#root.allFiles()) file.losePower(random)
  }

  get sizeBytes(): number {
    let sum = 0
    for (const { bytes } of this.#root.allFiles()) sum += bytes.length
    return sum
  }

  /** Throws where so much more is too much. */
  checkRoom(bytes: number): void {
    if (this.bytesMax === Number.POSITIVE_INFINITY) return
    if (this.sizeBytes + bytes <= this.bytesMax) return
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
}

class StoredFile {
  bytes = Buffer.alloc(0)
  modifiedAtMs: number
  /** `bytes` is its beginning. */
  #room = this.bytes
  #syncedBytes = 0

  constructor(modifiedAtMs: number) {
    this.modifiedAtMs = modifiedAtMs
  }

  append(added: Buffer): void {
    const { length } = this.bytes
    const neededBytes = length + added.length
    // Also where it was cut: views of what was there may still be on their way to a client.
    if (neededBytes > this.#room.length || this.bytes.buffer !== this.#room.buffer) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(1_024, 2 * neededBytes))
      this.bytes.copy(this.#room)
    }
    added.copy(this.#room, length)
    this.bytes = this.#room.subarray(0, neededBytes)
  }

  synced(sizeBytes: number): void {
    this.#syncedBytes = Math.max(this.#syncedBytes, Math.min(sizeBytes, this.bytes.length))
  }

  truncate(sizeBytes: number): void {
    this.bytes = Buffer.from(this.bytes.subarray(0, sizeBytes))
    this.#syncedBytes = Math.min(this.#syncedBytes, sizeBytes)
  }

  losePower(random: () => number): void {
    const unsynced = this.bytes.length - this.#syncedBytes
    if (unsynced === 0) return
    const kept = Buffer.from(
      this.bytes.subarray(0, this.#syncedBytes + Math.floor(random() * (unsynced + 1))),
    )
    // Pages reach the medium in any order: one before the end may be missing.
    if (kept.length > this.#syncedBytes && random() < 0.3) {
      const from = this.#syncedBytes + Math.floor(random() * (kept.length - this.#syncedBytes))
      kept.fill(0, from, Math.min(kept.length, from + 512))
    }
    this.bytes = kept
    this.#syncedBytes = kept.length
  }
}

class Folder {
  readonly path: string
  readonly files = new Map<string, StoredFile>()
  readonly folders = new Map<string, Folder>()

  constructor(path: string) {
    this.path = path
  }

  *allFiles(): Generator<StoredFile> {
    yield* this.files.values()
    for (const folder of this.folders.values()) yield* folder.allFiles()
  }
}

/** A disk as one machine has it. */
interface Mount {
  readonly machine: Machine
  readonly disk: SimulatedDisk
}

class OpenFolder implements LogDirectory {
  readonly #folder: Folder
  readonly #machine: Machine
  readonly #mount: Mount

  constructor(folder: Folder, mount: Mount) {
    this.#folder = folder
    this.#machine = mount.machine
    this.#mount = mount
  }

  get path(): string {
    return this.#folder.path
  }

  files(): string[] {
    return [...this.#folder.files.keys()]
  }

  open(name: string): LogFile {
    const { files } = this.#folder
    const file = files.get(name) ?? new StoredFile(this.#machine.clock.now())
    if (!this.#machine.isDead) files.set(name, file)
    return new OpenFile(file, this.#mount)
  }

  rename(from: string, to: string): void {
    const file = this.#folder.files.get(from)
    if (!file) throw Object.assign(new Error(`ENOENT: ${this.path}/${from}`), { code: 'ENOENT' })
    if (this.#machine.isDead) return
    this.#folder.files.delete(from)
    this.#folder.files.set(to, file)
  }

  remove(name: string): void {
    if (!this.#machine.isDead) this.#folder.files.delete(name)
  }

  directories(): string[] {
    return [...this.#folder.folders.keys()]
  }

  directory(name: string): LogDirectory {
    const { folders } = this.#folder
    const folder = folders.get(name) ?? new Folder(`${this.path}/${name}`)
    if (!this.#machine.isDead) folders.set(name, folder)
    return new OpenFolder(folder, this.#mount)
  }

  removeDirectory(name: string): void {
    if (!this.#machine.isDead) this.#folder.folders.delete(name)
  }

  // Names last at once.
  syncNow(): void {}
}

class OpenFile implements LogFile {
  readonly #file: StoredFile
  readonly #machine: Machine
  readonly #disk: SimulatedDisk

  constructor(file: StoredFile, { machine, disk }: Mount) {
    this.#file = file
    this.#machine = machine
    this.#disk = disk
  }

  get sizeBytes(): number {
    return this.#file.bytes.length
  }

  get modifiedAtMs(): number {
    return this.#file.modifiedAtMs
  }

  append(bytes: Buffer): void {
    if (this.#machine.isDead) return
    this.#disk.checkRoom(bytes.length)
    this.#file.append(bytes)
    this.#file.modifiedAtMs = this.#machine.clock.now()
  }

  read(position: number, lengthBytes: number): Buffer {
    return this.#file.bytes.subarray(position, position + lengthBytes)
  }

  truncate(sizeBytes: number): void {
    if (!this.#machine.isDead) this.#file.truncate(sizeBytes)
  }

  sync(): Promise<void> {
    const { sizeBytes } = this
    return new Promise((resolve) =>
      this.#machine.after(this.#disk.isSlow ? slowSyncMs : syncMs, () => {
        this.#file.synced(sizeBytes)
        resolve()
      }),
    )
  }

  syncNow(): void {
    if (!this.#machine.isDead) this.#file.synced(this.sizeBytes)
  }

  setModifiedAt(timeMs: number): void {
    this.#file.modifiedAtMs = timeMs
  }

  close(): void {}
}
