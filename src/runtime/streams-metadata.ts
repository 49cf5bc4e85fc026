import { partitionFor } from '../kafka/partitioner.ts'
import type { TopicPartition } from '../kafka/types.ts'
import type { Serde } from '../serdes/serde.ts'
import type { HostPartitions } from './assignment-info.ts'
import type { SubTopologyLayout } from './layout.ts'

/** What one instance has. Source: Kafka Streams' `StreamsMetadata`. */
export interface StreamsMetadata {
  /** Its `applicationServer`. */
  readonly host: string
  /** What its tasks read. */
  readonly partitions: readonly TopicPartition[]
  /** The stores of these tasks. */
  readonly stores: readonly string[]
  /** What the tasks read whose stores it keeps copies of. */
  readonly standbyPartitions: readonly TopicPartition[]
}

/** Who has a key. Source: Kafka Streams' `KeyQueryMetadata`. */
export interface KeyQueryMetadata {
  /** The `applicationServer` of the instance whose task has it. */
  readonly activeHost: string
  /** Of those that keep a copy. */
  readonly standbyHosts: readonly string[]
  /** Of the task. */
  readonly partition: number
}

/** A store as it is declared, or as it is asked. */
export interface NamedStore<K> {
  /** Unique in the topology. */
  readonly name: string
  /** How keys are written. */
  readonly key?: Serde<K>
}

/**
 * Which instance has what, as the group has shared it out last: while tasks move, the new owner is named before it is
 * ready. Instances without an `applicationServer` are not among them.
 */
export interface MetadataQueries {
  /**
   * Who has the key; undefined: nobody who says where it is, or the store is not one of tasks, such as a global table.
   *
   * @example
   * ```ts
   * const running = run(app, { kafka, applicationServer: '10.0.0.7:8502' })
   * await running.started
   * console.log(running.metadataForKey(app.stores.clicksByUser, 'ann')?.activeHost)
   * ```
   */
  metadataForKey<K>(store: NamedStore<K>, key: K): KeyQueryMetadata | undefined
  /** Those that have a part of the store. */
  metadataForStore(name: string): readonly StreamsMetadata[]
  /** All that say where they are. */
  metadataForAllHosts(): readonly StreamsMetadata[]
}

export interface MetadataSources {
  readonly hosts: readonly HostPartitions[]
  /** Of all sub-topologies. */
  readonly layouts: readonly SubTopologyLayout[]
}

export function metadataQueriesOf(sources: () => MetadataSources): MetadataQueries {
  const all = (): readonly StreamsMetadata[] => {
    const { hosts, layouts } = sources()
    return hosts.map(({ host, active, standby }) => ({
      host,
      partitions: active,
      stores: layouts
        .filter((layout) => active.some((of) => isRead(layout, of)))
        .flatMap(({ stores }) => stores.map(({ spec }) => spec.name)),
      standbyPartitions: standby,
    }))
  }
  return {
    metadataForAllHosts: all,
    metadataForStore: (name) => all().filter(({ stores }) => stores.includes(name)),
    metadataForKey: ({ name, key: serde }, key) => {
      const { hosts, layouts } = sources()
      const layout = layouts.find(({ stores }) => stores.some(({ spec }) => spec.name === name))
      if (!layout || !serde) return undefined
      const partition = partitionFor(serde.serialize(key), layout.tasks)
      const isOfTask = (of: TopicPartition) => of.partition === partition && isRead(layout, of)
      const active = hosts.find((each) => each.active.some(isOfTask))
      if (!active) return undefined
      const standbys = hosts.filter((each) => each.standby.some(isOfTask))
      return { activeHost: active.host, standbyHosts: standbys.map(({ host }) => host), partition }
    },
  }
}

function isRead({ inputs }: SubTopologyLayout, { topic }: TopicPartition): boolean {
  return inputs.some((input) => input.topic === topic)
}
