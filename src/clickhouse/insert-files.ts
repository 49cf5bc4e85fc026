import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { messageOf, RivuletError } from '../errors.ts'

const prefix = 'rivulet-insert-'
let made = 0

/**
 * Files from which the embedded engine reads the rows of its inserts: text is all that it takes otherwise, and costs more.
 * They lie in its own data folder, where a full disk is the same full disk, and are gone with their insert.
 */
export class InsertFiles {
  readonly #folder: string

  /** On the data in `path`, which no other process has open. Throws `DATA_DIR_UNUSABLE` for a name that the engine would not take for one. */
  constructor(path: string) {
    // Where the engine looks for a user's files.
    this.#folder = resolve(path, 'user_files')
    if (/[*?{}]/.test(this.#folder)) {
      const message = `The data folder ${this.#folder} can't be used: to ClickHouse, a name with one of * ? { } stands for several files`
      throw new RivuletError('DATA_DIR_UNUSABLE', message, { place: { path } })
    }
    mkdirSync(this.#folder, { recursive: true })
    this.#removeOfOthers()
  }

  /** Does the work with a file that holds these bytes. One that was read already may be gone before it is done. */
  async with(bytes: readonly Buffer[], work: (file: string) => Promise<void>): Promise<void> {
    const file = join(this.#folder, `${prefix}${process.pid}-${++made}`)
    try {
      await writeFile(file, bytes)
      await work(file)
    } catch (error) {
      throw isFull(error) ? full(error) : error
    } finally {
      await rm(file, { force: true })
    }
  }

  /** What a process has left that ended within an insert. */
  #removeOfOthers(): void {
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name)
      if (name.startsWith(prefix) && statSync(file).mtimeMs < performance.timeOrigin) rmSync(file)
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

function full(cause: unknown): RivuletError {
  const message = `The rows can't be written for the embedded ClickHouse: ${messageOf(cause)}`
  return new RivuletError('DISK_FULL', message, { cause, retryable: true })
}
