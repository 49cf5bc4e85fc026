import { fromEvent, lastValueFrom, takeUntil } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { Fetched } from '../kafka/types.ts'
import type { RawChunk } from '../records/chunk.ts'
import { Unprepared } from '../serdes/bound-serde.ts'
import { type Covered, type StoreChanges, type Witness, witnessOf } from '../state/checkpoint.ts'
import type { LocalCopy } from '../state/local-copy.ts'
import type { StateStore } from '../state/store.ts'
import type { ChangelogRange } from './changelog-range.ts'
import type { InstanceContext } from './instance-context.ts'
import { leadsOn } from './leads-on.ts'
import { prepared } from './prepared.ts'
import { readPrepared } from './read-prepared.ts'
import type { RestoreReport } from './restore-report.ts'

export interface RestoreOptions {
  readonly context: Pick<InstanceContext, 'settings' | 'logger'>
  readonly topic: string
  readonly partition: number
  readonly store: StateStore
  /** What the local disk knows; absent: everything is read from the topic. */
  readonly copy?: LocalCopy
  /** What the store has already, which the changelog is known to lead on from; absent: it is empty. */
  readonly covered?: Covered
  /** Told where the topic begins and ends, before anything is done; what it throws, this rejects with. */
  readonly found?: (range: ChangelogRange) => void
  /** Told what there is to be read of the topic, before that begins. */
  readonly begun?: (fromOffset: number, toOffset: number) => void
  /** Told, whenever it has read something, how far the store has come, and its checkpoint with it. */
  readonly reached?: (covered: Covered) => void
  /** Told of what is read from the topic. */
  readonly report?: RestoreReport
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
  const { context, topic, copy, signal, partition, found, begun, reached } = options
  const { kafka, clock } = context.settings
  const askedAtMs = clock.now()
  const ranges = await kafka.admin.offsets(topic)
  const range = ranges.find((each) => each.partition === partition) ?? { lowOffset: 0, endOffset: 0 }
  const toOffset = range.endOffset
  found?.(range)
  const { covered, fromCheckpoint } = options.covered
    ? { covered: options.covered, fromCheckpoint: 0 }
    : await loadCheckpoint(options, toOffset)
  const fromOffset = Math.max(covered.nextOffset, range.lowOffset)
  begun?.(fromOffset, toOffset)
  const { records, witness } = await readTopic({ ...options, covered, fromOffset, toOffset })
  signal.throwIfAborted()
  void copy?.append(noChanges, { nextOffset: toOffset, lastOffset: -1, knownAtMs: askedAtMs })
  reached?.({ nextOffset: toOffset, knownAtMs: askedAtMs, witness })
  return { fromCheckpoint, fromTopic: records }
}

/** Torn off in the middle, the rest may have lost tombstones by the time that it is read. */
const nothingCovered: Covered = {
  nextOffset: 0,
  knownAtMs: Number.NEGATIVE_INFINITY,
  witness: undefined,
}

/** Takes what the local disk knows, if the topic leads on from it. */
async function loadCheckpoint(options: RestoreOptions, toOffset: number) {
  const { context, topic, partition, copy } = options
  const entries: Entry[] = []
  const covered = await copy?.load((key, value, timestampMs) => {
    entries.push({ key, value, timestampMs })
  })
  if (!covered || !(await leadsOn(covered, { context, topic, partition }, toOffset))) {
    if (covered)
      context.logger.info(
        { topic, partition },
        'the changelog does not lead on from the local disk: read anew',
      )
    await copy?.clear()
    return { covered: nothingCovered, fromCheckpoint: 0 }
  }
  await restoreEntries(entries, options)
  // Rows that stay where they are were not handed over.
  return { covered, fromCheckpoint: Math.max(entries.length, options.store.size) }
}

interface Entry {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
  /** In the topic; absent: it comes from the checkpoint. */
  readonly offset?: number
}

const noChanges: StoreChanges = { keys: [], values: [], timestampsMs: [] }

async function readTopic(
  options: RestoreOptions & {
    readonly covered: Covered
    readonly fromOffset: number
    readonly toOffset: number
  },
): Promise<{ readonly records: number; readonly witness: Witness | undefined }> {
  const { context, copy, signal, covered, fromOffset, toOffset, reached, report } = options
  const { knownAtMs } = covered
  let { witness } = covered
  let records = 0
  if (fromOffset >= toOffset) return { records, witness }
  const restore = ({ chunk, nextOffset }: Fetched) => {
    const entries = entriesOf(chunk)
    records += chunk.keys.length
    // Who goes on after an interruption must find the store and the checkpoint equally far.
    const noteReached = () => {
      const changes = columnsOf(entries)
      const reach = { nextOffset, lastOffset: entries.at(-1)?.offset ?? -1, knownAtMs }
      witness = witnessOf(changes, reach) ?? witness
      void copy?.append(changes, reach)
      reached?.({ nextOffset, knownAtMs, witness })
      report?.read(chunk.keys.length, toOffset - nextOffset)
    }
    const preparing = restoreEntries(entries, options)
    if (preparing) return preparing.then(noteReached)
    noteReached()
    return undefined
  }
  const restored = readPrepared(context.settings.kafka, options, { fromOffset, toOffset }, restore)
  await lastValueFrom(restored.pipe(takeUntil(fromEvent(signal, 'abort'))), { defaultValue: undefined })
  return { records, witness }
}

/** Undefined: all of them are restored, and no serde had to fetch anything first. */
function restoreEntries(entries: readonly Entry[], options: RestoreOptions): Promise<void> | undefined {
  const { store } = options
  let i = 0
  const restoreMore = (): Unprepared | undefined => {
    try {
      for (; i < entries.length; i++) {
        const { key, value, timestampMs } = entries[i] as Entry
        store.restore(key, value, timestampMs)
      }
      return undefined
    } catch (error) {
      if (error instanceof Unprepared) return error
      throw unreadable(error, entries[i]?.offset, options)
    }
  }
  const unprepared = restoreMore()
  return unprepared && prepareAndRestore(unprepared, restoreMore, options)
}

/** Says of which store, and where they stand, if these are bytes that its serdes can't read. */
function unreadable(
  error: unknown,
  offset: number | undefined,
  { store, topic, partition, copy }: RestoreOptions,
): unknown {
  if (!(error instanceof RivuletError) || error.code !== 'DECODE_FAILED') return error
  const path = copy?.path
  const [where, place] =
    offset === undefined
      ? [`its checkpoint ${path}`, { ...(path !== undefined && { path }) }]
      : [`${topic}/${partition} offset ${offset}`, { offset }]
  return new RivuletError(
    'DECODE_FAILED',
    `the store "${store.name}" can't be restored from ${where}: ${error.message}. Was it written with another serde? Then give the store a new name, or reset the application`,
    { cause: error, place: { store: store.name, topic, partition, ...place } },
  )
}

async function prepareAndRestore(
  first: Unprepared,
  restoreMore: () => Unprepared | undefined,
  options: RestoreOptions,
): Promise<void> {
  for (let unprepared: Unprepared | undefined = first; unprepared; unprepared = restoreMore()) {
    const { prepare } = unprepared
    await prepared(prepare, options)
  }
}

/** Copies: a store may keep what it is given. */
function entriesOf({ keys, values, timestampsMs, offsets }: RawChunk): Entry[] {
  const entries: Entry[] = []
  for (let i = 0; i < keys.length; i++) {
    const key = copyOf(keys.at(i))
    if (!key) continue
    const [timestampMs, offset] = [timestampsMs[i] as number, offsets[i] as number]
    entries.push({ key, value: copyOf(values.at(i)), timestampMs, offset })
  }
  return entries
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
