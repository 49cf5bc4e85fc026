import { randomUUID } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { RivuletError } from './errors.ts'

/** A folder that this process has for itself until it lets it go. */
export interface DataFolder {
  readonly path: string
  /** A folder in it, made where it is missing. */
  folder(name: string): string
  release(): void
}

interface Holder {
  readonly pid: number
  /** When the process began, as the kernel tells it: a pid is given again to others. Null where that can't be known. */
  readonly startedAt: string | null
}

/** What begins on a full disk is begun badly: embedded ClickHouse leaves tables that it can never open again. */
const freeBytesMin = 32 * 1024 * 1024

/**
 * Takes a data folder for this process, making it where it is missing. Throws `DATA_DIR_IN_USE` with the pid of who
 * has it, `DATA_DIR_UNUSABLE` where it can't be made or written. What a killed process left locked is taken over.
 * A folder in it throws `DISK_FULL` where it is missing and there is no room to begin one.
 */
export function openDataFolder(path: string, freeBytesOf = freeBytes): DataFolder {
  const root = resolve(path)
  const lock = join(root, 'lock')
  try {
    makeFolder(root)
    takeLock(root, lock)
  } catch (error) {
    if (error instanceof RivuletError) throw error
    throw unusable(root, error)
  }
  return {
    path: root,
    folder(name) {
      const folder = join(root, name)
      try {
        if (!isFolder(folder)) checkRoom(root, freeBytesOf(root))
        makeFolder(folder)
      } catch (error) {
        throw error instanceof RivuletError ? error : unusable(folder, error)
      }
      return folder
    },
    release: () => rmSync(lock, { force: true }),
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function checkRoom(root: string, bytes: number): void {
  if (bytes >= freeBytesMin) return
  throw new RivuletError(
    'DISK_FULL',
    `the disk of the data folder ${root} is full: ${bytes} bytes are free, and it takes ${freeBytesMin} to begin; make room, or choose another folder`,
    { place: { path: root, parameter: 'dataDir' } },
  )
}

/** Not `recursive`: on Node 20 that never returns where the parent is one that takes no folders, such as /proc. */
function makeFolder(path: string): void {
  if (isFolder(path)) return
  const parent = dirname(path)
  if (parent !== path && !statSync(parent, { throwIfNoEntry: false })) makeFolder(parent)
  try {
    mkdirSync(path)
  } catch (error) {
    if (!isCode(error, 'EEXIST') || !statSync(path).isDirectory()) throw error
  }
}

function takeLock(root: string, lock: string): void {
  const mine = join(root, `lock-${randomUUID()}`)
  const holder: Holder = { pid: process.pid, startedAt: startOf(process.pid) }
  writeFileSync(mine, JSON.stringify(holder), { flush: true })
  try {
    for (;;) {
      try {
        // Either it is there with its whole content, or it is not: a link can't be seen half-made.
        linkSync(mine, lock)
        return
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error
      }
      const other = readHolder(lock)
      if (other && isRunning(other)) {
        throw new RivuletError(
          'DATA_DIR_IN_USE',
          `the data folder ${root} is in use by process ${other.pid}: stop it, or choose another folder`,
          { place: { path: root, parameter: 'dataDir' } },
        )
      }
      // Moved away rather than deleted: of two that find it stale, one moves it and the other tries again.
      const stale = join(root, `lock-${randomUUID()}`)
      try {
        renameSync(lock, stale)
        rmSync(stale, { force: true })
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error
      }
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function readHolder(lock: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(lock, 'utf8'))
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined
    return {
      pid: value.pid,
      startedAt: 'startedAt' in value && typeof value.startedAt === 'string' ? value.startedAt : null,
    }
  } catch {
    return undefined
  }
}

function isRunning({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, under another user.
    if (!isCode(error, 'EPERM')) return false
  }
  const now = startOf(pid)
  return startedAt === null || now === null || (now === startedAt && !isZombie(pid))
}

/** Fields of /proc/PID/stat behind the command, which may hold spaces and brackets; none on other systems. */
function statFields(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

function startOf(pid: number): string | null {
  return statFields(pid)?.[19] ?? null
}

function isZombie(pid: number): boolean {
  return statFields(pid)?.[0] === 'Z'
}

export function unusable(path: string, error: unknown): RivuletError {
  const why = error instanceof Error ? error.message : String(error)
  return new RivuletError(
    'DATA_DIR_UNUSABLE',
    `the data folder ${path} can't be used: ${why}; choose another one`,
    { cause: error, place: { path, parameter: 'dataDir' } },
  )
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
