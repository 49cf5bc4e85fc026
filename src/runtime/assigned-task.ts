import { RivuletError } from '../errors.ts'
import type { TopicPartition } from '../kafka/types.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { InputQueue } from './input-queue.ts'
import type { InputLayout, SubTopologyLayout } from './layout.ts'
import type { FeedReader, PartitionFeed } from './partition-feed.ts'
import type { Statistics } from './statistics.ts'
import type { Task } from './task.ts'
import type { RestoreProgress, TaskState } from './task-state.ts'

/** A task that reads, and has its effects outside: in Kafka (`StreamTask`) or in an external system (`SinkTask`). */
export interface ActiveTask extends FeedReader {
  readonly task: Task
  /** Something was processed that is not in Kafka; absent: nothing of it belongs there. */
  readonly isDirty?: boolean
  /** What lies before is processed for good. */
  committedOffset(queue: InputQueue): number
  advanceWallClock(nowMs: number): void
  /** Processes nothing more, and commits what was processed. */
  close(): Promise<void>
  /** Gives up what is not committed, also while it is being closed. */
  abandon(): Promise<void>
}

/** How far a task has come in a partition. */
export interface ReaderPosition extends TopicPartition {
  readonly name: string
  /** The next record to read after a restart; undefined: nobody knows of any that was read. */
  readonly committed: number | undefined
}

/** `close` commits what was processed; `abandon` gives up what is not committed: the task may be another's already. */
export type Ending = 'close' | 'abandon'

/**
 * A task of this instance, from the moment that all of its partitions are here: first it is being made (its state is
 * restored, its sink opened), then it is active, and it ends when they are taken away, wherever it is by then.
 */
export class AssignedTask {
  /** Among all tasks of the application, also of its other versions. */
  readonly id: string
  readonly layout: SubTopologyLayout
  readonly partition: number
  readonly inputs: readonly InputLayout[]
  readonly #feeds: readonly PartitionFeed[]
  readonly #statistics: Statistics
  readonly #ending = new AbortController()
  #starting: Promise<void> = Promise.resolve()
  #active: ActiveTask | undefined
  #restoring: Pick<TaskState, 'progress'> | undefined
  #closing: Promise<void> | undefined
  #isAbandoned = false

  constructor(
    layout: SubTopologyLayout,
    partition: number,
    feeds: readonly PartitionFeed[],
    statistics: Statistics,
  ) {
    this.id = assignedId(layout, partition)
    this.layout = layout
    this.partition = partition
    this.inputs = inputsAt(layout, partition)
    this.#feeds = feeds
    this.#statistics = statistics
  }

  /** Aborted when the task is to end: whoever makes it gives up. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  get isActive(): boolean {
    return this.#active !== undefined
  }

  /** What runs; undefined while it is being made. */
  get task(): Task | undefined {
    return this.#active?.task
  }

  /** How far its state was restored; undefined: it has none, or it is not that far yet. */
  get restored(): RestoreProgress | undefined {
    return this.#restoring?.progress
  }

  /** Something was processed that is not in Kafka. */
  get isDirty(): boolean {
    return this.#active?.isDirty ?? false
  }

  /** Empty while it is being made. */
  get queues(): readonly InputQueue[] {
    return this.#active?.queues ?? []
  }

  /** As what it is told from other readers of a partition: by its sink, or by the first of its inputs. */
  get readerName(): string {
    const { subTopology } = this.layout
    return subTopology.kind === 'sink' ? subTopology.sink.name : taskName(this.inputs)
  }

  /** How far it has come in each of its partitions, for good; while it is being made, as far as the group knows. */
  get committed(): readonly ReaderPosition[] {
    const active = this.#active
    return this.#feeds.map(({ topic, partition, groupOffset }) => {
      const queue = this.queues.find(({ input }) => input.topic === topic)
      return {
        topic,
        partition,
        name: this.readerName,
        committed: queue ? active?.committedOffset(queue) : groupOffset,
      }
    })
  }

  /** Its state is being restored from now on. */
  restores(state: Pick<TaskState, 'progress'>): void {
    this.#restoring = state
  }

  /** Undefined while it is being made, or where it has no such store. */
  store(name: string): StateStore | undefined {
    return this.#active?.task.stores.get(name)
  }

  has(store: StoreSpec): boolean {
    const { nodes } = this.layout.subTopology
    return nodes.some((node) => node.type === 'operator' && node.stores.includes(store))
  }

  reads({ topic, partition }: TopicPartition): boolean {
    return partition === this.partition && this.inputs.some((input) => input.topic === topic)
  }

  /** Resolves when it is active; rejects when it can't be made, or is to end before. */
  start(create: (assigned: AssignedTask) => Promise<ActiveTask>): Promise<void> {
    this.#starting = this.#start(create)
    return this.#starting
  }

  /** Closes once, though its partitions may go one by one; a close that takes too long is cut short by an abandonment. */
  async end(how: Ending): Promise<void> {
    this.#isAbandoned ||= how === 'abandon'
    this.#ending.abort(new RivuletError('INTERNAL', `task ${this.id} is taken away`))
    await this.#starting.catch(() => undefined) // who started it was told
    const active = this.#active
    if (!active) return
    for (const feed of this.#feeds) feed.detach(active)
    this.#statistics.taskStopped(active.task)
    if (how === 'abandon') await active.abandon()
    else await this.#close(active)
  }

  advanceWallClock(nowMs: number): void {
    this.#active?.advanceWallClock(nowMs)
  }

  /** There is room in its queues. */
  regulate(): void {
    for (const feed of this.#feeds) feed.regulate()
  }

  /** The queue goes on elsewhere: what lies there must be fetched. */
  rewind({ input }: InputQueue): void {
    this.#feeds.find(({ topic }) => topic === input.topic)?.rewind()
  }

  #close(active: ActiveTask): Promise<void> {
    this.#closing ??= active.close().catch((error) => {
      if (!this.#isAbandoned) throw error
    })
    return this.#closing
  }

  async #start(create: (assigned: AssignedTask) => Promise<ActiveTask>): Promise<void> {
    const active = await create(this)
    if (this.#ending.signal.aborted) {
      await active.abandon()
      throw this.#ending.signal.reason
    }
    this.#active = active
    this.#statistics.taskStarted(active.task, this.layout.subTopology.id)
    for (const feed of this.#feeds) feed.attach(active)
  }
}

/**
 * By what it reads, not by where it stands in the topology: that changes with each step that is put before it. No two
 * sub-topologies of streams read the same topic.
 */
export function taskId(inputs: readonly Pick<InputLayout, 'taskName'>[], partition: number): string {
  return `${taskName(inputs)}_${partition}`
}

function taskName(inputs: readonly Pick<InputLayout, 'taskName'>[]): string {
  const [first = ''] = inputs.map((input) => input.taskName).toSorted()
  return first
}

/** Several sinks may read one topic, and a stream too. */
export function assignedId({ subTopology, inputs }: SubTopologyLayout, partition: number): string {
  const id = taskId(inputs, partition)
  return subTopology.kind === 'sink' ? `${id}>${subTopology.sink.name}` : id
}

/** The inputs that have such a partition. */
export function inputsAt({ inputs }: SubTopologyLayout, partition: number): readonly InputLayout[] {
  return inputs.filter(({ partitions }) => partition < partitions)
}
