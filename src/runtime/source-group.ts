import type { Subscription } from 'rxjs'
import { messageOf } from '../errors.ts'
import type { ConsumerEvent, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import type { StateStore } from '../state/store.ts'
import type { SourceState } from '../stream/source.ts'
import type { SourceSubTopology } from '../stream/sub-topologies.ts'
import { AssignedSource } from './assigned-source.ts'
import { membershipIn } from './environment.ts'
import type { InstanceContext } from './instance-context.ts'
import { positionTopicIn } from './source-position.ts'
import type { Rejection } from './source-task.ts'
import { stickyAssignor } from './task-assignor.ts'

/** A source as this instance knows it. */
export interface SourceStanding {
  readonly name: string
  readonly state: SourceState | 'elsewhere'
  readonly owner: string | undefined
  readonly lastMessageMs: number | undefined
  readonly problem: string | undefined
  readonly rejections: ReadonlyMap<string, Rejection>
  readonly longestPauseMs: number | undefined
}

export interface SourceGroupOptions {
  readonly context: InstanceContext
  readonly globalStores: ReadonlyMap<string, StateStore>
}

/**
 * A member of the group that shares out the application's sources: each has one owner at a time, the member that has the
 * partition of its position topic. A group of its own, since a source goes on while tasks move, and they while it does.
 * Source: Kafka Connect's workers, which share out connectors.
 */
export class SourceGroup {
  readonly #options: SourceGroupOptions
  readonly #subTopologies: readonly SourceSubTopology[]
  readonly #assigned = new Map<string, AssignedSource>()
  /** By topic, when they were asked for last. */
  #owners: ReadonlyMap<string, string> = new Map()
  #isAsking = false
  #isOver = false
  #consumer: KafkaConsumer | undefined
  #subscription: Subscription | undefined

  constructor(options: SourceGroupOptions) {
    this.#options = options
    this.#subTopologies = options.context.layout.subTopologies.flatMap(({ subTopology }) =>
      subTopology.kind === 'source' ? subTopology : [],
    )
  }

  /** Those that this instance runs. */
  get assigned(): readonly AssignedSource[] {
    return [...this.#assigned.values()]
  }

  /** All that the topology has. */
  get standings(): readonly SourceStanding[] {
    return this.#subTopologies.map((subTopology) => {
      const { name } = subTopology.source
      const assigned = this.#assigned.get(name)
      const owner = this.#owners.get(this.#topicOf(subTopology))
      const state = assigned?.state ?? (this.#isOver ? 'stopped' : owner ? 'elsewhere' : 'connecting')
      return {
        name,
        state,
        owner,
        lastMessageMs: assigned?.lastMessageMs,
        problem: assigned?.problem,
        rejections: assigned?.rejections ?? new Map(),
        longestPauseMs: assigned?.longestPauseMs,
      }
    })
  }

  /** To show who has which source. */
  askForOwners(): void {
    if (this.#subTopologies.length === 0 || this.#isAsking) return
    this.#isAsking = true
    this.#askForOwners()
      .catch((error) => this.#options.context.logger.debug(messageOf(error)))
      .finally(() => {
        this.#isAsking = false
      })
  }

  join(): void {
    if (this.#subTopologies.length === 0) return
    const { settings, layout, failed } = this.#options.context
    const topics = this.#subTopologies.map((each) => this.#topicOf(each))
    const held = () =>
      this.assigned.map(({ name }) => ({ topic: positionTopicIn(layout, name), partition: 0 }))
    const groups = topics.map((topic) => [topic])
    this.#consumer = settings.kafka.consumer({
      ...membershipIn(settings),
      groupId: sourceGroupOf(layout.application),
      topics,
      assignor: stickyAssignor('rivulet-sources', groups, held),
    })
    this.#subscription = this.#consumer.events$.subscribe({
      next: (event) => this.#take(event),
      error: failed,
    })
  }

  /** Commits what the sources have emitted, and leaves. Rejects when that can't be. */
  async leave(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.assigned.map((source) => source.close()))
    await this.#consumer?.close()
  }

  /** Lets go of everything at once. */
  abandon(): void {
    this.#isOver = true
    for (const source of this.assigned) void source.abandon()
    this.#subscription?.unsubscribe()
  }

  async #askForOwners(): Promise<void> {
    const { settings, layout } = this.#options.context
    const owners = await settings.kafka.admin.groupOwners(sourceGroupOf(layout.application))
    this.#owners = new Map(owners.map(({ topic, member }) => [topic, member]))
  }

  #topicOf({ source }: SourceSubTopology): string {
    return positionTopicIn(this.#options.context.layout, source.name)
  }

  #take(event: ConsumerEvent): void {
    switch (event.type) {
      case 'assigned':
        // Membership is all that is wanted: a position is read when the source is taken over.
        this.#consumer?.pause(event.partitions)
        for (const subTopology of this.#of(event.partitions)) {
          const { name } = subTopology.source
          this.#assigned.set(name, new AssignedSource({ ...this.#options, subTopology }))
        }
        break
      case 'revoking':
        void this.#release(event.partitions, (source) => source.close()).then(() => event.done())
        break
      case 'lost':
        void this.#release(event.partitions, (source) => source.abandon())
    }
  }

  /** Each one ends, whatever becomes of the others. */
  async #release(
    partitions: readonly TopicPartition[],
    end: (source: AssignedSource) => Promise<void>,
  ): Promise<void> {
    const { failed } = this.#options.context
    const ends = this.#of(partitions).map(async ({ source: { name } }) => {
      const source = this.#assigned.get(name)
      this.#assigned.delete(name)
      if (source) await end(source).catch(failed)
    })
    await Promise.all(ends)
  }

  #of(partitions: readonly TopicPartition[]): readonly SourceSubTopology[] {
    const topics = new Set(partitions.map(({ topic }) => topic))
    return this.#subTopologies.filter((each) => topics.has(this.#topicOf(each)))
  }
}

/** In which the instances of an application share out its sources. */
export function sourceGroupOf(application: string): string {
  return `${application}-sources`
}
