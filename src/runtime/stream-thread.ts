import type { Subscription } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { ConsumerEvent, GroupMember, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { backoffMs, type RetryPolicy } from '../retry.ts'
import type { StateStore } from '../state/store.ts'
import type { AssignedTask } from './assigned-task.ts'
import { AssignedTasks, type PartitionPosition } from './assigned-tasks.ts'
import { DeadLetters } from './dead-letter.ts'
import { membershipIn } from './environment.ts'
import type { InstanceContext } from './instance-context.ts'
import { isTaskLayout, type Layout, type SubTopologyLayout } from './layout.ts'
import { ShownOffsets } from './shown-offsets.ts'
import type { SinkWriters } from './sink-writers.ts'
import { standbyAssignor } from './standby-assignor.ts'
import type { StandbyTask } from './standby-task.ts'
import { StandbyTasks } from './standby-tasks.ts'
import type { MetadataSources } from './streams-metadata.ts'
import { isStateful, topicGroups } from './task-assignor.ts'
import { TaskCreator } from './task-creator.ts'

/** No wait is shorter than half of the first: longer than a heartbeat, so that the group has heard of what has changed. */
const rejoinPolicy: RetryPolicy = { initialMs: 3_000, waitMsMax: 30_000 }

/** Sinks are asked for 3 s before it joins, and Kafka waits 3 s for others to join an empty group. */
const joinsWithinMs = 8_000

export interface StreamThreadOptions {
  readonly context: InstanceContext
  readonly sinks: SinkWriters
  readonly globalStores: ReadonlyMap<string, StateStore>
  /** Looks anew where everything is. Rejects with `BAD_TOPOLOGY` where the topology can't run on what is there now. */
  readonly layOut: () => Promise<Layout>
  /** The first tasks that the group has given run. */
  readonly started: () => void
}

/** From joining the group to leaving it. */
interface Membership {
  readonly consumer: KafkaConsumer
  readonly tasks: AssignedTasks
  readonly standbys: StandbyTasks
  readonly shownOffsets: ShownOffsets
  readonly subscription: Subscription
}

/**
 * A member of the application's group: joins it, hands what it is given and what is fetched to its tasks, and gives up
 * what is taken away, after it has been committed. Source: Kafka Streams' `StreamThread`, in Node's one thread.
 */
export class StreamThread {
  readonly #options: StreamThreadOptions
  /** As its tasks have it: what fails them may be mended by joining again. */
  #context: InstanceContext
  readonly #deadLetters: DeadLetters
  #membership: Membership | undefined
  #rejoining: Promise<void> | undefined
  #isLooking = false
  /** In a row, each soon after joining. */
  #timesFenced = 0
  #joinedMs = 0
  #isLeaving = false
  /**
   * Whether others have had tasks since it joined first: it hears of them when it assigns, or when it is assigned by them.
   * Until then it is alone, under that id, since that time.
   */
  #company: 'unknown' | 'others' | { readonly aloneAs: string; readonly sinceMs: number } = 'unknown'

  constructor(options: StreamThreadOptions) {
    this.#options = options
    this.#context = { ...options.context, failed: (error) => this.#fail(error) }
    this.#deadLetters = new DeadLetters(this.#context)
  }

  get tasks(): readonly AssignedTask[] {
    return this.#membership?.tasks.all ?? []
  }

  /** Copies of stores of tasks that run elsewhere. */
  get standbys(): readonly StandbyTask[] {
    return this.#membership?.standbys.all ?? []
  }

  get metadata(): MetadataSources {
    const { hosts = [] } = this.#membership?.standbys ?? {}
    return { hosts, layouts: this.#context.layout.subTopologies.filter(isTaskLayout) }
  }

  get positions(): readonly PartitionPosition[] {
    return this.#membership?.tasks.positions ?? []
  }

  /** What it had is given up, and the group has not said yet what it has now. */
  get isRejoining(): boolean {
    return this.#rejoining !== undefined
  }

  /**
   * Whether it has its tasks, and nobody else has had any since that moment, in which the group was empty. The group is
   * asked: who was frozen has been forgotten there without hearing of it. One that joined much later may have missed others
   * who came, and went.
   */
  async isAloneSince(emptyMs: number): Promise<boolean> {
    const { layout, settings } = this.#context
    const company = this.#company
    if (typeof company === 'string' || company.sinceMs - emptyMs > joinsWithinMs) return false
    const owners = await settings.kafka.admin.groupOwners(layout.application)
    const isMine = owners.every(({ member }) => member.startsWith(`${company.aloneAs}@`))
    return isMine && owners.length > 0 && this.#company === company
  }

  join(): void {
    const context = this.#context
    const { sinks, globalStores } = this.#options
    const { layout, settings, failed } = context
    const assignor = standbyAssignor({
      name: 'rivulet-tasks',
      groups: topicGroups(layout),
      standbys: settings.standbys,
      applicationServer: settings.applicationServer,
      acceptableRecoveryLag: settings.acceptableRecoveryLag,
      isStateful: (topic) =>
        layout.subTopologies.some((each) => isStateful(each) && each.inputs.some((of) => of.topic === topic)),
      held: () => tasks.partitions,
      copies: () => standbys.copies,
      assigned: (info) => standbys.assign(info),
    })
    const consumer = settings.kafka.consumer({
      ...membershipIn(settings),
      groupId: layout.application,
      topics: inputTopicsOf(layout),
      partitionFetchBytesMax: settings.partitionFetchBytesMax,
      assignor: {
        ...assignor,
        assign: (members, partitionCounts) => {
          this.#noteCompany(members)
          return assignor.assign(members, partitionCounts)
        },
      },
    })
    const shownOffsets = new ShownOffsets(context, consumer)
    const deadLetters = this.#deadLetters
    const standbys: StandbyTasks = new StandbyTasks({
      context,
      globalStores,
      consumer,
      here: () => tasks.all,
    })
    const creator = new TaskCreator({
      context,
      consumer,
      sinks,
      globalStores,
      deadLetters,
      shownOffsets,
      standbys,
    })
    const tasks: AssignedTasks = new AssignedTasks({
      context,
      consumer,
      create: (assigned) => creator.create(assigned),
    })
    const next = (event: ConsumerEvent) => this.#take(event, tasks, shownOffsets)
    const subscription = consumer.events$.subscribe({ next, error: failed })
    this.#membership = { consumer, tasks, standbys, shownOffsets, subscription }
    this.#joinedMs = settings.clock.now()
  }

  /** Commits what was processed, and leaves. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    await this.#rejoining
    await this.#membership?.consumer.close()
    await this.#membership?.standbys.close()
  }

  /** Lets go of everything at once. */
  abandon(): void {
    if (!this.#membership) return
    const { tasks, standbys, shownOffsets, subscription } = this.#membership
    void tasks.abandon()
    void standbys.close()
    shownOffsets.drop()
    subscription.unsubscribe()
  }

  advanceWallClock(nowMs: number): void {
    this.#membership?.tasks.advanceWallClock(nowMs)
    this.#membership?.standbys.advance()
  }

  /** Joins the group again where the patterns, if there are any, find other topics than are read. */
  lookForTopics(): void {
    if (this.#isLooking || !this.#context.layout.subTopologies.some(hasPattern)) return
    this.#isLooking = true
    this.#lookForTopics()
      .catch(this.#options.context.failed)
      .finally(() => {
        this.#isLooking = false
      })
  }

  /** Deletes what the application wrote for itself and has worked off. */
  purge(): void {
    this.#membership?.tasks.purge()
  }

  #fail(error: unknown): void {
    const { over, logger, failed } = this.#options.context
    const isFenced = error instanceof RivuletError && error.code === 'KAFKA_FENCED'
    if (!isFenced || !this.#membership || over.aborted) {
      failed(error)
      return
    }
    if (this.#rejoining) return
    logger.warn({ ...error.place }, `${error.message}; joining the group again`)
    this.#rejoining = this.#rejoin(this.#membership).catch(failed)
  }

  /**
   * Somebody else has taken over a task that this member believed its own, or a transaction was open for too long: what
   * was not committed is given up, and the group is asked again who has what.
   */
  async #rejoin({ consumer, tasks, standbys, shownOffsets }: Membership): Promise<void> {
    const { settings, over } = this.#context
    await Promise.all([tasks.abandon(), standbys.close()])
    shownOffsets.drop()
    await consumer.close()
    if (settings.clock.now() - this.#joinedMs > 2 * rejoinPolicy.waitMsMax) this.#timesFenced = 0
    await settings.clock.sleep(backoffMs(rejoinPolicy, ++this.#timesFenced, settings.clock), over)
    this.#rejoining = undefined
    if (!this.#isLeaving) this.join()
  }

  /** Whether there are partitions that were not there when the topology was laid out. */
  #hasGrown(partitions: readonly TopicPartition[]): boolean {
    const { partitionCounts } = this.#context.layout
    return partitions.some(({ topic, partition }) => partition >= (partitionCounts.get(topic) ?? 0))
  }

  /** New partitions are new tasks, where nothing depends on how many there are: else it is for an operator to decide. */
  #adoptGrowth(): void {
    const membership = this.#membership
    if (this.#rejoining || !membership) return
    const adopt = async () => {
      const layout = await this.#options.layOut()
      await this.#moveTo(layout, membership, 'topics have more partitions now')
    }
    this.#rejoining = adopt().catch(this.#options.context.failed)
  }

  async #lookForTopics(): Promise<void> {
    const layout = await this.#options.layOut()
    const membership = this.#membership
    if (this.#rejoining || this.#isLeaving || !membership) return
    if (inputTopicsOf(layout).join() === inputTopicsOf(this.#context.layout).join()) return
    const moved = this.#moveTo(layout, membership, 'the patterns find other topics now')
    this.#rejoining = moved.catch(this.#options.context.failed)
  }

  async #moveTo(layout: Layout, membership: Membership, why: string): Promise<void> {
    this.#options.context.logger.info(`${why}; joining the group again`)
    this.#context = { ...this.#context, layout }
    await this.#rejoin(membership)
  }

  #take(event: ConsumerEvent, tasks: AssignedTasks, shownOffsets: ShownOffsets): void {
    switch (event.type) {
      case 'fetched':
        tasks.fetched(event)
        break
      case 'assigned':
        if (this.#company === 'unknown') this.#company = 'others'
        void this.#assign(event, tasks)
        break
      case 'revoking':
        this.#company = 'others'
        void this.#revoke(event, tasks, shownOffsets)
        break
      case 'lost':
        this.#company = 'others'
        void tasks.release(event.partitions, 'abandon')
        break
      case 'skipped':
        tasks.skipped(event)
    }
  }

  #noteCompany(members: readonly GroupMember[]): void {
    const [first, ...others] = members
    if (others.length > 0) this.#company = 'others'
    else if (first && this.#company === 'unknown')
      this.#company = { aloneAs: first.memberId, sinceMs: this.#context.settings.clock.now() }
  }

  async #assign(
    { partitions }: Extract<ConsumerEvent, { type: 'assigned' }>,
    tasks: AssignedTasks,
  ): Promise<void> {
    if (this.#hasGrown(partitions)) {
      this.#adoptGrowth()
      return
    }
    await tasks.assign(partitions)
    if (!this.#context.over.aborted && !this.isRejoining) this.#options.started()
  }

  async #revoke(
    event: Extract<ConsumerEvent, { type: 'revoking' }>,
    tasks: AssignedTasks,
    shownOffsets: ShownOffsets,
  ): Promise<void> {
    await tasks.release(event.partitions, 'close')
    await shownOffsets.flush()
    event.done()
  }
}

function hasPattern({ subTopology }: SubTopologyLayout): boolean {
  return subTopology.nodes.some((node) => node.type === 'topic-source' && node.pattern !== undefined)
}

/** Of all tasks, in an order of their own. */
function inputTopicsOf({ subTopologies }: Layout): readonly string[] {
  const inputs = subTopologies.filter(isTaskLayout).flatMap((each) => each.inputs)
  return [...new Set(inputs.map(({ topic }) => topic))].toSorted()
}
