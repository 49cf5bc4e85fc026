import { messageOf, RivuletError } from '../errors.ts'
import type { Covered, StoreChanges } from '../state/checkpoint.ts'
import { type ChangelogAppender, forgetsAfterMs } from '../state/store.ts'
import {
  type ChangelogRange,
  type ChangelogRanges,
  checkChangelog,
  lostChangelog,
} from './changelog-range.ts'
import { ChangelogTrim } from './changelog-trim.ts'
import { deleteRecords } from './delete-records.ts'
import type { InstanceContext } from './instance-context.ts'
import type { StoreLayout } from './layout.ts'
import { leadsOn } from './leads-on.ts'
import type { LocalCopies } from './local-copies.ts'
import { type Restored, restoreStore } from './restore.ts'
import { RestoreReport } from './restore-report.ts'
import type { Task } from './task.ts'
import type { TaskProducer } from './task-producer.ts'

/** How far the changelogs were read that are to be restored, in their offsets; 0 of 0: nothing is. */
export interface RestoreProgress {
  readonly offsets: number
  readonly of: number
}

/** Changes of one store, as they stand in its changelog. */
export interface LoggedChanges {
  readonly store: StoreLayout
  readonly changes: StoreChanges
  /** Of the last of them. */
  readonly lastOffset: number
  /** They were sent after this moment, and what lies behind them, too. */
  readonly knownAtMs: number
}

export interface TaskStateOptions {
  readonly id: string
  readonly partition: number
  readonly task: Task
  /** Each with a changelog of its own. */
  readonly stores: readonly StoreLayout[]
  readonly copies: LocalCopies
  readonly context: InstanceContext
}

/**
 * What a task remembers: its stores, with what stands behind them. Their changes go to changelogs; what was committed,
 * also to the local disk; and what a store has forgotten is deleted from its changelog. Source: Kafka
 * Streams' `ProcessorStateManager`.
 */
export class TaskState {
  readonly #options: TaskStateOptions
  /** By changelog, of stores that forget. */
  readonly #trims = new Map<string, ChangelogTrim>()
  /** By changelog, how far its store was restored; absent: there is nothing in it. */
  readonly #covered = new Map<string, Covered>()
  /** By changelog; behind what was sent to it last it can't take the next changes before that. */
  readonly #ranges = new Map<string, ChangelogRange>()
  /** By changelog: what is read of it, from, to, and where it is. */
  readonly #reading = new Map<string, { fromOffset: number; toOffset: number; atOffset: number }>()
  #isClosed = false

  constructor(options: TaskStateOptions) {
    this.#options = options
    for (const { spec, topic } of options.stores) {
      const retentionMs = forgetsAfterMs(spec)
      if (retentionMs !== undefined) this.#trims.set(topic, new ChangelogTrim(retentionMs))
    }
  }

  /** Whether anything was in the changelogs. */
  get isFound(): boolean {
    return this.#covered.size > 0
  }

  get progress(): RestoreProgress {
    const sum = { offsets: 0, of: 0 }
    for (const { fromOffset, toOffset, atOffset } of this.#reading.values()) {
      sum.offsets += atOffset - fromOffset
      sum.of += toOffset - fromOffset
    }
    return sum
  }

  /** What the changelogs have at least, once all that was given to `log` is committed; of those that never had anything, nothing. */
  get ranges(): ChangelogRanges {
    const ranges = new Map<string, ChangelogRange>()
    for (const { spec, topic, isChangelog } of this.#options.stores) {
      const range = this.#ranges.get(topic)
      if (isChangelog && range && range.endOffset > 0) ranges.set(spec.name, range)
    }
    return ranges
  }

  /** Rows of stores on disk that are in memory until they are committed. */
  get unsettled(): number {
    let sum = 0
    for (const store of this.#options.task.stores.values()) sum += store.unsettled ?? 0
    return sum
  }

  /**
   * Brings the stores to what their changelogs say; to be called once, before the first record, with the task's times.
   * Rejects with `KAFKA_FAILED` where one of these has lost something of what was `committed`.
   */
  async restore(signal: AbortSignal, committed: ChangelogRanges): Promise<Restored> {
    const { id, stores, task, context } = this.#options
    const sum = { fromCheckpoint: 0, fromTopic: 0 }
    for (const store of stores) {
      const report = new RestoreReport(context, { task: id, store: store.spec.name })
      const restored = await this.#restore(store, signal, {
        report,
        committed: committed.get(store.spec.name),
      })
      sum.fromCheckpoint += restored?.fromCheckpoint ?? 0
      sum.fromTopic += restored?.fromTopic ?? 0
      task.stores.get(store.spec.name)?.restored?.()
    }
    if (sum.fromCheckpoint + sum.fromTopic > 0) context.logger.info({ task: id, ...sum }, 'state restored')
    return sum
  }

  /**
   * Brings stores that nobody writes on to what is committed in their changelogs by now, and answers by how many offsets
   * they were behind. Undefined: a changelog does not lead on from them any more, and they are of no use.
   */
  async follow(signal: AbortSignal): Promise<number | undefined> {
    let behind = 0
    for (const store of this.#options.stores) {
      const covered = this.#covered.get(store.topic)
      const knownAtMs = this.#options.context.settings.clock.now()
      const endOffset = await this.#endOf(store)
      if (endOffset === (covered?.nextOffset ?? 0)) {
        if (covered) this.#covered.set(store.topic, { ...covered, knownAtMs })
        continue
      }
      if (covered && !(await this.#leadsOn(covered, store, endOffset))) return undefined
      behind += endOffset - (covered?.nextOffset ?? 0)
      await this.#restore(store, signal)
    }
    return behind
  }

  /** Whether the changelogs lead on from what was restored of them; what was not is no matter. */
  async leadsOn(): Promise<boolean> {
    for (const store of this.#options.stores) {
      const covered = this.#covered.get(store.topic)
      if (covered && !(await this.#leadsOn(covered, store, await this.#endOf(store)))) return false
    }
    return true
  }

  /** Sends what has changed since the last call, taken before this returns, and resolves when the changelogs have it. */
  async log(producer: Pick<TaskProducer, 'send'>): Promise<readonly LoggedChanges[]> {
    const logged = await Promise.all(this.#options.stores.map((store) => this.#logStore(store, producer)))
    return logged.flat()
  }

  /** What was logged is committed. */
  committed(logged: readonly LoggedChanges[]): void {
    // A commit may end behind its task: then the files may be those of the next one.
    if (this.#isClosed) return
    const { partition, context, copies, task } = this.#options
    for (const { store, changes, lastOffset, knownAtMs } of logged) {
      const { spec, topic } = store
      const nextOffset = lastOffset + 1
      const forgotten = this.#trims.get(topic)?.note(changes, nextOffset)
      if (forgotten !== undefined) deleteRecords(context, { topic, partition }, forgotten)
      void copies.of(spec)?.append(changes, { nextOffset, lastOffset, knownAtMs })
      task.stores.get(spec.name)?.settle?.()
    }
  }

  /** Resolves when what was committed is on the local disk, and the files are closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#options.copies.close()
  }

  async #restore(
    layout: StoreLayout,
    signal: AbortSignal,
    { report, committed }: { report?: RestoreReport; committed?: ChangelogRange | undefined } = {},
  ): Promise<Restored | undefined> {
    const { spec, topic } = layout
    const { partition, task, context, copies } = this.#options
    const store = task.stores.get(spec.name)
    if (!store) return undefined
    const copy = copies.of(spec)
    const covered = this.#covered.get(topic)
    return restoreStore({
      context,
      topic,
      partition,
      store,
      signal,
      ...(copy && { copy }),
      ...(report && { report }),
      ...(covered && { covered }),
      found: (range) => {
        if (committed) checkChangelog(layout, partition, range, committed)
        this.#ranges.set(topic, range)
      },
      begun: (fromOffset, toOffset) =>
        this.#reading.set(topic, { fromOffset, toOffset, atOffset: fromOffset }),
      reached: (reach) => {
        const reading = this.#reading.get(topic)
        if (reading) reading.atOffset = reach.nextOffset
        if (reach.witness) this.#covered.set(topic, reach)
      },
    })
  }

  async #endOf({ topic }: StoreLayout): Promise<number> {
    const { partition, context } = this.#options
    const ranges = await context.settings.kafka.admin.offsets(topic)
    return ranges.find((range) => range.partition === partition)?.endOffset ?? 0
  }

  #leadsOn(covered: Covered, { topic }: StoreLayout, toOffset: number): Promise<boolean> {
    const { partition, context } = this.#options
    return leadsOn(covered, { context, topic, partition }, toOffset)
  }

  async #logStore(
    store: StoreLayout,
    producer: Pick<TaskProducer, 'send'>,
  ): Promise<readonly LoggedChanges[]> {
    const { spec, topic } = store
    const changes = this.#changesOf(store)
    if (changes.keys.length === 0) return []
    const { partition, context } = this.#options
    const knownAtMs = context.settings.clock.now()
    const { lowOffset, endOffset: knownEnd } = this.#ranges.get(topic) ?? { lowOffset: 0, endOffset: 0 }
    // The offsets that go with it are on their way before it is acknowledged: markers apart, this is its end.
    this.#ranges.set(topic, { lowOffset, endOffset: knownEnd + changes.keys.length })
    const { baseOffset } = await producer.send(topic, partition, changes)
    if (baseOffset < knownEnd)
      throw lostChangelog(
        spec.name,
        { topic, partition, offset: knownEnd },
        `the changelog ${topic}/${partition} was known up to offset ${knownEnd}, and takes changes before it now: it was made anew, or has lost its end`,
      )
    const nextOffset = baseOffset + changes.keys.length
    this.#ranges.set(topic, { lowOffset, endOffset: nextOffset })
    return [{ store, changes, lastOffset: nextOffset - 1, knownAtMs }]
  }

  #changesOf({ spec, topic }: StoreLayout): StoreChanges {
    const keys: Buffer[] = []
    const values: (Buffer | null)[] = []
    const timestampsMs: number[] = []
    const positions: (number | undefined)[] = []
    const append: ChangelogAppender = (key, value, timestampMs, position) => {
      keys.push(key)
      values.push(value)
      timestampsMs.push(Math.max(0, timestampMs)) // Kafka has no time before the epoch
      positions.push(position)
    }
    try {
      this.#options.task.stores.get(spec.name)?.drainChanges(append)
    } catch (error) {
      const code = error instanceof RivuletError ? error.code : 'ENCODE_FAILED'
      const message = `store "${spec.name}" can't be written to ${topic}: ${messageOf(error)}`
      throw new RivuletError(code, message, { cause: error, place: { store: spec.name, topic } })
    }
    return { keys, values, timestampsMs, positions }
  }
}
