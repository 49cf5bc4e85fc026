import { readFileSync } from 'node:fs'
import { type StateStore, serdes, silentLogger, systemClock } from 'rivulet'
import { DiskTable } from '../../src/state/disk-table.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { sessionStore } from '../../src/state/session-store.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { DiskDirectory } from '../../src/storage/disk.ts'

export const kinds = ['key-value', 'window', 'session', 'key-value on disk'] as const

export interface RowFigures {
  readonly kind: (typeof kinds)[number]
  /** Of memory that the process has more with the store than without. */
  readonly bytesPerKey: number
  readonly residentMb: number
  /** Of a key chosen by chance, committed 50,000 at a time; only on disk, where they are what is hard. */
  readonly updatesPerSecond?: number
  /** Until the rows that are on disk can be found again. */
  readonly startMs?: number
}

const commitRows = 50_000
const keySerdes = { name: 'rows', key: serdes.string, value: serdes.string }
const keyOf = (i: number) => `key-${String(i).padStart(12, '0')}`
const textOf = (i: number) => `${i}`.padStart(50, '.')

/** Fills a store of the kind with so many keys of 16 bytes with values of 50. To be called in a process of its own. */
export async function measureRows(
  kind: RowFigures['kind'],
  keys: number,
  folder: string,
): Promise<RowFigures> {
  const beforeMb = residentMb()
  if (kind === 'key-value on disk') return measureDisk(keys, folder, beforeMb)
  const { put, store } = inMemory(kind)
  for (let from = 0; from < keys; from += commitRows) {
    for (let i = from; i < Math.min(from + commitRows, keys); i++) put(keyOf(i), textOf(i))
    store.drainChanges(() => {})
  }
  globalThis.gc?.()
  const withMb = residentMb()
  return { kind, bytesPerKey: ((withMb - beforeMb) * 1024 * 1024) / store.size, residentMb: withMb }
}

function inMemory(kind: RowFigures['kind']): {
  readonly store: StateStore
  put(key: string, value: string): void
} {
  if (kind === 'window') {
    const store = windowStore({ ...keySerdes, sizeMs: 60_000, retentionMs: 60_000 }).create()
    return { store, put: (key, value) => void store.put(key, 0, value, 0) }
  }
  if (kind === 'session') {
    const store = sessionStore({ ...keySerdes, retentionMs: 60_000 }).create()
    return { store, put: (key, value) => store.put({ key, startMs: 0, endMs: 0 }, value) }
  }
  const store = keyValueStore(keySerdes).create()
  return { store, put: (key, value) => store.put(key, value, 0) }
}

async function measureDisk(keys: number, folder: string, beforeMb: number): Promise<RowFigures> {
  const open = () =>
    new DiskTable({
      folder: () => new DiskDirectory(folder),
      identity: 'rows/0',
      clock: systemClock,
      failed: (error) => silentLogger.warn({}, String(error)),
    })
  const table = open()
  const store = keyValueStore(keySerdes).create(undefined, table)
  let nextOffset = 0
  const commit = () => {
    const changes = { keys: [] as Buffer[], values: [] as (Buffer | null)[], timestampsMs: [] as number[] }
    const positions: (number | undefined)[] = []
    store.drainChanges((key, value, timestampMs, position) => {
      changes.keys.push(key)
      changes.values.push(value)
      changes.timestampsMs.push(timestampMs)
      positions.push(position)
    })
    nextOffset += changes.keys.length
    table.append({ ...changes, positions }, { nextOffset, lastOffset: nextOffset - 1, knownAtMs: 0 })
    store.settle()
  }
  for (let i = 0; i < keys; i++) {
    store.put(keyOf(i), textOf(i), 0)
    if (i % commitRows === commitRows - 1) commit()
  }
  commit()
  globalThis.gc?.()
  const withMb = residentMb()
  const updates = Math.min(keys, 2_000_000)
  const beganMs = performance.now()
  for (let i = 0; i < updates; i++) {
    const key = keyOf(Math.floor(Math.random() * keys))
    store.put(key, textOf((store.get(key)?.length ?? 0) + i), 0)
    if (i % commitRows === commitRows - 1) {
      commit()
      // Files that are of no use any more are deleted when others are on the medium.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  commit()
  const updatesPerSecond = (updates * 1_000) / (performance.now() - beganMs)
  const largestMb = residentMb()
  await table.close()
  const startBeganMs = performance.now()
  const again = open()
  await again.load()
  const startMs = performance.now() - startBeganMs
  await again.close()
  const bytesPerKey = ((withMb - beforeMb) * 1024 * 1024) / keys
  return { kind: 'key-value on disk', bytesPerKey, residentMb: largestMb, updatesPerSecond, startMs }
}

function residentMb(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
