import type { Chunk } from '../records/chunk.ts'
import { CallingSteps } from '../runtime/calling-steps.ts'
import { encodeMetadata } from '../runtime/commit-metadata.ts'
import type { Settings } from '../runtime/environment.ts'
import type { SubTopologyLayout } from '../runtime/layout.ts'
import type { PreparedOptions } from '../runtime/prepared.ts'
import { StoreSerdes } from '../runtime/store-serdes.ts'
import { Task, type TaskOutput } from '../runtime/task.ts'
import type { DroppedInput, TimedChunk } from '../runtime/timed-chunk.ts'
import type { BindSerde } from '../serdes/bound-serde.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { ExternalSinkNode, GraphNode, RepartitionNode, TopicSinkNode } from '../stream/graph.ts'
import { type Change, commitChanges } from './commit-changes.ts'

type AnyChunk = Chunk<unknown, unknown>

export interface DriverTaskOptions {
  readonly part: SubTopologyLayout
  /** Of its inputs; 0 of a source and of global tables, which have one task for all. */
  readonly partition: number
  /** How it waits for serdes that prepare. */
  readonly waits: Omit<PreparedOptions, 'topic'>
  readonly settings: Pick<Settings, 'clock' | 'emitIntervalMs' | 'onCallbackError' | 'onProductionError'>
  readonly now: () => number
  readonly globalStores: ReadonlyMap<string, StateStore>
  readonly effects: TaskEffects
}

/** Where that goes which comes out of a task. */
export interface TaskEffects {
  written(node: TopicSinkNode | RepartitionNode, chunk: AnyChunk): void
  sunk(node: ExternalSinkNode, chunk: AnyChunk): void
  /** What a commit would write to a changelog. */
  changed?(changelog: string, partition: number, changes: readonly Change[]): void
  /** Answers of a `mapAsync` were written, outside of any other call. */
  answered(): void
  /** A call has failed for good, or its answer could not be written. */
  failed(error: unknown): void
}

/** A task with what the runtime has around it: its outputs are written as bytes, and each step ends with a commit. */
export class DriverTask {
  readonly task: Task
  readonly part: SubTopologyLayout
  readonly partition: number
  /** Resolves when its stores can be written; undefined: they can. */
  readonly preparing: Promise<unknown> | undefined
  readonly #effects: TaskEffects
  readonly #storeSerdes: StoreSerdes
  /** Stores whose serdes may have to fetch something before they can read: these are written only. */
  readonly #unread = new Set<StoreSpec>()
  readonly #calls: CallingSteps

  constructor({ part, partition, waits, settings, now, globalStores, effects }: DriverTaskOptions) {
    const { emitIntervalMs, onCallbackError } = settings
    const { subTopology, stores } = part
    this.part = part
    this.partition = partition
    this.#effects = effects
    this.#storeSerdes = new StoreSerdes(stores)
    const bind = (spec: StoreSpec) => this.#bind(spec)
    this.task = new Task({ subTopology, now, emitIntervalMs, onCallbackError, globalStores, bind })
    this.preparing = this.#storeSerdes.prepareWrite(waits)
    this.#calls = new CallingSteps({
      task: this.task,
      settings,
      answered: (output) => this.#answered(output),
      failed: (error) => effects.failed(error),
    })
  }

  /** Records that wait in a `mapAsync`. */
  get waiting(): number {
    return this.#calls.waiting
  }

  /** What was dropped was left out of the chunk for its event time's sake. */
  process(input: GraphNode, chunk: TimedChunk, dropped: readonly DroppedInput[] = []): void {
    for (const { reason, failure } of dropped) this.task.leaveOut(reason, failure)
    this.task.processTimed(input, chunk)
    this.#commit()
  }

  advanceWallClock(nowMs: number): void {
    this.task.advanceWallClock(nowMs)
    this.#commit()
  }

  /** Resolves when no call waits; rejects with the error that has ended them. */
  settled(): Promise<void> {
    return this.#calls.settled()
  }

  #commit(): void {
    for (const output of this.task.takeOutputs()) {
      if (this.#calls.take(output)) continue
      if (output.node.type === 'external-sink') this.#effects.sunk(output.node, output.chunk)
      else this.#effects.written(output.node, output.chunk)
    }
    for (const { spec, topic, isChangelog } of this.part.stores) {
      const store = isChangelog ? this.task.stores.get(spec.name) : undefined
      if (!store) continue
      const changes = commitChanges(store, { changelog: topic, readsBack: !this.#unread.has(spec) })
      this.#effects.changed?.(topic, this.partition, changes)
    }
    encodeMetadata(this.task.streamTimes)
  }

  #bind(spec: StoreSpec): BindSerde {
    const bind = this.#storeSerdes.bind(spec)
    return (serde, part) => {
      if (serde.prepareRead) this.#unread.add(spec)
      return bind(serde, part)
    }
  }

  #answered({ node, chunk }: TaskOutput): void {
    if (node.type === 'external-sink') return
    try {
      this.#effects.written(node, chunk)
      this.#effects.answered()
    } catch (error) {
      this.#calls.close(error)
      this.#effects.failed(error)
    }
  }
}
