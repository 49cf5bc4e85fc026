import type { KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { backoffMs, type RetryPolicy } from '../retry.ts'
import type { StateStore } from '../state/store.ts'
import { type AssignedTask, assignedId } from './assigned-task.ts'
import {
  type AssignmentInfo,
  type HostPartitions,
  noAssignmentInfo,
  type StandbyCopy,
} from './assignment-info.ts'
import type { InstanceContext } from './instance-context.ts'
import type { SubTopologyLayout } from './layout.ts'
import { StandbyTask } from './standby-task.ts'
import { isStateful, keyOf, topicGroups } from './task-assignor.ts'
import { createTaskStores, type TaskStores } from './task-stores.ts'

export interface StandbyTasksOptions {
  readonly context: InstanceContext
  readonly globalStores: ReadonlyMap<string, StateStore>
  readonly consumer: Pick<KafkaConsumer, 'enforceRebalance'>
  /** The tasks that are here themselves: they have their stores, and the files of their checkpoints. */
  readonly here: () => readonly Pick<AssignedTask, 'id' | 'layout' | 'isActive'>[]
}

/** A task whose stores are to be copied. */
interface Wanted {
  readonly id: string
  readonly layout: SubTopologyLayout
  readonly partition: number
}

/** Between times that the group is told the same: it may just have joined when it was told, or its leader has other bounds. */
const announcePolicy: RetryPolicy = { initialMs: 1_000, waitMsMax: 30_000 }

/** The copies of stores that one membership of the group keeps. Nothing of it writes to Kafka. */
export class StandbyTasks {
  readonly #options: StandbyTasksOptions
  readonly #groups: readonly (readonly string[])[]
  readonly #tasks = new Map<string, StandbyTask>()
  /** Ends under way: who comes next finds no open files. */
  readonly #closing = new Map<string, Promise<unknown>>()
  #info = noAssignmentInfo
  /** What the group was told last to have caught up, how often, and when it may be told again. */
  #announced = { warmups: '', times: 0, againMs: 0 }
  #isClosed = false

  constructor(options: StandbyTasksOptions) {
    this.#options = options
    this.#groups = topicGroups(options.context.layout)
  }

  get all(): readonly StandbyTask[] {
    return [...this.#tasks.values()]
  }

  /** Who has what, as the group has said last. */
  get hosts(): readonly HostPartitions[] {
    return this.#info.hosts
  }

  /** For the group: which of those that it has asked for could take over, and how far they are behind. */
  get copies(): readonly StandbyCopy[] {
    return this.#info.copies.flatMap((of) => {
      const lags = this.#wantedAt(of).map(({ id }) => this.#tasks.get(id)?.lag)
      const known = lags.filter((lag) => lag !== undefined)
      return known.length < lags.length || lags.length === 0 ? [] : [{ ...of, lag: Math.max(...known) }]
    })
  }

  assign(info: AssignmentInfo): void {
    this.#info = info
    const wanted = this.#wanted
    for (const { id } of this.all) if (!wanted.has(id)) this.#close(id)
  }

  /**
   * Begins copies, where the group has said so, and lets each read what has come since; none while a task that has come
   * here is restored, for somebody waits for that. Source: Kafka Streams' `StoreChangelogReader`.
   */
  advance(): void {
    const { context, globalStores } = this.#options
    const here = this.#options.here()
    if (this.#isClosed || here.some(({ layout, isActive }) => isStateful(layout) && !isActive)) return
    const hereIds = new Set(here.map(({ id }) => id))
    for (const { id, layout, partition } of this.#wanted.values()) {
      if (this.#tasks.has(id) || this.#closing.has(id) || hereIds.has(id)) continue
      const create = () => createTaskStores({ context, globalStores, layout, partition })
      this.#tasks.set(id, new StandbyTask({ id, context, create, followed: () => this.#announce() }))
    }
    for (const task of this.all) task.follow()
  }

  /** Ends the copy of a task that comes here, and hands over its stores; undefined: there is nothing complete. */
  async take(id: string): Promise<TaskStores | undefined> {
    await this.#closing.get(id)
    const task = this.#tasks.get(id)
    this.#tasks.delete(id)
    return task?.release()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { id } of this.all) this.#close(id)
    await Promise.all(this.#closing.values())
  }

  get #wanted(): ReadonlyMap<string, Wanted> {
    return new Map(this.#info.copies.flatMap((of) => this.#wantedAt(of)).map((each) => [each.id, each]))
  }

  #close(id: string): void {
    const task = this.#tasks.get(id)
    this.#tasks.delete(id)
    const closing = task?.close().finally(() => this.#closing.delete(id))
    if (closing) this.#closing.set(id, closing)
  }

  #wantedAt({ topic, partition }: TopicPartition): readonly Wanted[] {
    const group = this.#groups.find((topics) => topics.includes(topic)) ?? []
    return this.#options.context.layout.subTopologies
      .filter((layout) => isStateful(layout) && partition < layout.tasks)
      .filter(({ inputs }) => inputs.some((input) => group.includes(input.topic)))
      .map((layout) => ({ id: assignedId(layout, partition), layout, partition }))
  }

  /** Tells the group that tasks can go where they belong. */
  #announce(): void {
    const { context, consumer } = this.#options
    const { acceptableRecoveryLag, clock } = context.settings
    const ready = new Map(this.copies.map(({ lag, ...of }) => [keyOf(of), lag <= acceptableRecoveryLag]))
    const { warmups } = this.#info
    if (warmups.length === 0 || !warmups.every((of) => ready.get(keyOf(of)))) return
    const told = warmups.map(keyOf).join()
    const isAgain = told === this.#announced.warmups
    if (isAgain && clock.now() < this.#announced.againMs) return
    const times = isAgain ? this.#announced.times + 1 : 1
    this.#announced = { warmups: told, times, againMs: clock.now() + backoffMs(announcePolicy, times, clock) }
    consumer.enforceRebalance()
  }
}
