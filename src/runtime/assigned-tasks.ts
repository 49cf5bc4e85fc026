import type { AssignedPartition, ConsumerEvent, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { BytesColumn } from '../records/bytes-column.ts'
import {
  type ActiveTask,
  AssignedTask,
  assignedId,
  type Ending,
  inputsAt,
  type ReaderPosition,
} from './assigned-task.ts'
import { deleteRecords } from './delete-records.ts'
import type { InstanceContext } from './instance-context.ts'
import { isTaskLayout, type SubTopologyLayout } from './layout.ts'
import { PartitionFeed } from './partition-feed.ts'
import { keyOf } from './task-assignor.ts'

/** Where a partition stands; `committed` is what all of its tasks have behind them. */
export interface PartitionPosition extends TopicPartition {
  /** As last heard with what was fetched; −1: not yet. */
  readonly endOffset: number
  readonly committed: number
  readonly readers: readonly ReaderPosition[]
}

export interface AssignedTasksOptions {
  readonly context: InstanceContext
  readonly consumer: Pick<KafkaConsumer, 'pause' | 'resume' | 'seek'>
  readonly create: (assigned: AssignedTask) => Promise<ActiveTask>
}

/** The partitions that one membership of the group has, and the tasks that they make possible. */
export class AssignedTasks {
  readonly #options: AssignedTasksOptions
  /** Sub-topologies that run as tasks, one for each partition. */
  readonly #layouts: readonly SubTopologyLayout[]
  readonly #feeds = new Map<string, PartitionFeed>()
  readonly #tasks = new Map<string, AssignedTask>()

  constructor(options: AssignedTasksOptions) {
    this.#options = options
    this.#layouts = options.context.layout.subTopologies.filter(isTaskLayout)
  }

  get all(): readonly AssignedTask[] {
    return [...this.#tasks.values()]
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.#feeds.values()]
  }

  get positions(): readonly PartitionPosition[] {
    const readings = new Map<string, ReaderPosition[]>()
    for (const reader of this.all.flatMap((task) => task.committed))
      readings.set(keyOf(reader), [...(readings.get(keyOf(reader)) ?? []), reader])
    return [...this.#feeds].flatMap(([key, { topic, partition, endOffset }]) => {
      const readers = readings.get(key)
      if (!readers) return []
      const committed = Math.min(...readers.map((reader) => reader.committed ?? 0))
      return [{ topic, partition, endOffset, committed, readers }]
    })
  }

  /** Resolves when the tasks that this makes possible are active, or have failed, or were taken away again. */
  async assign(
    partitions: readonly (TopicPartition & Partial<Pick<AssignedPartition, 'committedOffset'>>)[],
  ): Promise<void> {
    const { context, consumer } = this.#options
    for (const { topic, partition, committedOffset } of partitions) {
      const inputs = this.#layouts.flatMap((layout) => layout.inputs.filter((input) => input.topic === topic))
      const [input] = inputs
      if (!input) continue
      const of = { context, consumer, readers: inputs.length, groupOffset: committedOffset }
      const feed = new PartitionFeed(input, partition, of)
      this.#feeds.set(keyOf(feed), feed)
    }
    await this.#startComplete()
  }

  /** Resolves when no task reads the partitions any more. */
  async release(partitions: readonly TopicPartition[], how: Ending): Promise<void> {
    for (const of of partitions) {
      this.#feeds.get(keyOf(of))?.close()
      this.#feeds.delete(keyOf(of))
    }
    const tasks = this.all.filter((task) => partitions.some((of) => task.reads(of)))
    await Promise.all(tasks.map((task) => this.#end(task, how)))
  }

  /** Gives up all of it. */
  async abandon(): Promise<void> {
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
    await Promise.all(this.all.map((task) => this.#end(task, 'abandon')))
  }

  fetched(event: Extract<ConsumerEvent, { type: 'fetched' }>): void {
    this.#feeds.get(keyOf(event.chunk))?.push(event)
  }

  /** The topic's retention was faster than its reader: what is gone is counted, and the tasks go on behind it. */
  skipped({ topic, partition, fromOffset, toOffset }: Extract<ConsumerEvent, { type: 'skipped' }>): void {
    const { context } = this.#options
    context.statistics.count('records_deleted_unread', toOffset - fromOffset)
    const feed = this.#feeds.get(keyOf({ topic, partition }))
    const none = BytesColumn.of([])
    const chunk = { topic, partition, keys: none, values: none, timestampsMs: [], offsets: [] }
    feed?.push({ chunk, nextOffset: toOffset, endOffset: Math.max(toOffset, feed.endOffset) })
  }

  advanceWallClock(nowMs: number): void {
    for (const task of this.#tasks.values()) task.advanceWallClock(nowMs)
  }

  /** Repartition topics are the application's own: what all of its tasks have worked off is of no more use. */
  purge(): void {
    for (const position of this.positions) {
      const feed = this.#feeds.get(keyOf(position))
      if (!feed?.isPurgeable || position.committed <= feed.purgedOffset) continue
      feed.purgedOffset = position.committed
      deleteRecords(this.#options.context, position, position.committed)
    }
  }

  /** Starts the tasks whose partitions are all here now. */
  async #startComplete(): Promise<void> {
    const complete = this.#layouts.flatMap((layout) =>
      Array.from({ length: layout.tasks }, (_, partition) => this.#completed(layout, partition)),
    )
    await Promise.all(complete.map((task) => task && this.#start(task)))
  }

  #completed(layout: SubTopologyLayout, partition: number): AssignedTask | undefined {
    if (this.#tasks.has(assignedId(layout, partition))) return undefined
    const inputs = inputsAt(layout, partition)
    const feeds = inputs.flatMap(({ topic }) => this.#feeds.get(keyOf({ topic, partition })) ?? [])
    if (feeds.length < inputs.length) return undefined
    return new AssignedTask(layout, partition, feeds, this.#options.context.statistics)
  }

  async #start(task: AssignedTask): Promise<void> {
    const { context, create } = this.#options
    this.#tasks.set(task.id, task)
    try {
      await task.start(create)
      context.logger.debug({ task: task.id }, 'task started')
    } catch (error) {
      if (!task.ending.aborted) context.failed(error)
    }
  }

  /** Each one ends, whatever becomes of the others. */
  async #end(task: AssignedTask, how: Ending): Promise<void> {
    const { failed, emit } = this.#options.context
    await task.end(how).catch(failed)
    if (!this.#tasks.delete(task.id)) return
    emit({ type: 'task-stopped', task: task.id })
    // It may have been given back while it ended.
    void this.#startComplete()
  }
}
