/**
 * An append-only file. Writing and reading are synchronous: they meet the page cache, and so everything between two
 * awaits of the broker is atomic. Only `sync` waits for the disk.
 */
export interface LogFile {
  /** Of what was appended and not cut off. */
  readonly sizeBytes: number
  /** When it was last appended to, ms since the epoch. */
  readonly modifiedAtMs: number
  /** All or nothing: a failed append (`DISK_FULL` and others, as the operating system says) leaves nothing behind. */
  append(bytes: Buffer): void
  /** At most `lengthBytes`, fewer at the end. The bytes never change afterwards. */
  read(position: number, lengthBytes: number): Buffer
  /** Cuts off what lies behind. */
  truncate(sizeBytes: number): void
  /** Resolves once everything appended before is on the medium. */
  sync(): Promise<void>
  /** The same, waiting for the disk: only where a rare step must not be overtaken. */
  syncNow(): void
  /** For a copy that stands for an older file. */
  setModifiedAt(timeMs: number): void
  /** Nothing more is asked of it. */
  close(): void
}

/** A folder: names only, no paths. */
export interface LogDirectory {
  /** For whoever looks for it. */
  readonly path: string
  /** Names of the files in it. */
  files(): string[]
  /** Creates it when it is missing. */
  open(name: string): LogFile
  /** Atomic; replaces a file of that name. */
  rename(from: string, to: string): void
  /** A file, if it is there. */
  remove(name: string): void
  /** Names of the folders in it. */
  directories(): string[]
  /** Creates it when it is missing. */
  directory(name: string): LogDirectory
  /** Lasts when it returns. */
  removeDirectory(name: string): void
  /** What was renamed and removed in it before lasts when this returns. */
  syncNow(): void
}
