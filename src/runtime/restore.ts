import { fromEvent, lastValueFrom, map, takeUntil } from 'rxjs'
import type { Kafka } from '../kafka/types.ts'
import type { Checkpoint, StoreChanges } from '../state/checkpoint.ts'
import type { StateStore } from '../state/store.ts'

export interface RestoreOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partition: number
  readonly store: StateStore
  /** What the local disk knows; absent: everything is read from the topic. */
  readonly checkpoint?: Checkpoint
  /** Reads no further; absent: to the end of the topic. */
  readonly toOffset?: number
  readonly signal: AbortSignal
}

export interface Restored {
  readonly fromCheckpoint: number
  readonly fromTopic: number
}

/**
 * Brings a store to what its topic says: from the local checkpoint and what the topic has behind it. That part goes into
 * the checkpoint too: the commits that follow are written behind it, and a checkpoint must have no hole.
 */
export async function restoreStore(options: RestoreOptions): Promise<Restored> {
  const { kafka, topic, partition, store, checkpoint, signal } = options
  const ranges = await kafka.admin.offsets(topic)
  const range = ranges.find((each) => each.partition === partition)
  const endOffset = range?.endOffset ?? 0
  const toOffset = Math.min(options.toOffset ?? endOffset, endOffset)
  const entries: Entry[] = []
  const covered = await checkpoint?.load((key, value, timestampMs) => {
    entries.push({ key, value, timestampMs })
  })
  // Beyond the topic's end: it is a checkpoint of a topic that was deleted since.
  const isOurs = covered !== undefined && covered <= toOffset
  if (!isOurs) await checkpoint?.clear()
  const kept = isOurs ? entries : []
  for (const { key, value, timestampMs } of kept) store.restore(key, value, timestampMs)
  const fromOffset = Math.max(isOurs ? covered : 0, range?.lowOffset ?? 0)
  const fromTopic = await readInto({ ...options, fromOffset, toOffset })
  signal.throwIfAborted()
  return { fromCheckpoint: kept.length, fromTopic }
}

interface Entry {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

async function readInto({
  kafka,
  topic,
  partition,
  store,
  checkpoint,
  signal,
  fromOffset,
  toOffset,
}: RestoreOptions & { readonly fromOffset: number; readonly toOffset: number }): Promise<number> {
  if (fromOffset >= toOffset) return 0
  let records = 0
  const read = kafka.read(topic, partition, { fromOffset, toOffset }).pipe(
    takeUntil(fromEvent(signal, 'abort')),
    map(({ chunk: { keys, values, timestampsMs }, nextOffset }) => {
      const entries: Entry[] = []
      for (let i = 0; i < keys.length; i++) {
        // Views into a fetch: a store may keep what it is given.
        const key = copyOf(keys.at(i))
        if (key) entries.push({ key, value: copyOf(values.at(i)), timestampMs: timestampsMs[i] as number })
      }
      for (const { key, value, timestampMs } of entries) store.restore(key, value, timestampMs)
      void checkpoint?.append(columnsOf(entries), nextOffset)
      records += keys.length
    }),
  )
  await lastValueFrom(read, { defaultValue: undefined })
  return records
}

function columnsOf(entries: readonly Entry[]): StoreChanges {
  return {
    keys: entries.map(({ key }) => key),
    values: entries.map(({ value }) => value),
    timestampsMs: entries.map(({ timestampMs }) => timestampMs),
  }
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes ? Buffer.from(bytes) : null
}
