import { RivuletError } from '../../errors.ts'
import { partitionFor } from '../../kafka/partitioner.ts'
import { isChooser } from '../../stream/graph.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import type { Fault } from './faults.ts'

/** A record of a plan: as a `SimulatedRecord`, but for its topic's name. */
export interface PlannedRecord {
  /** The name of an input of the topology. */
  readonly topic: string
  /** Null: none. */
  readonly key: unknown
  /** Null: a tombstone. */
  readonly value: unknown
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** When it is written, since the beginning. */
  readonly atMs: number
}

/** What a feed sends in a plan. */
export interface PlannedMessage {
  /** What JSON can hold. */
  readonly value: unknown
  /** When it is sent, since the beginning. */
  readonly atMs: number
}

/**
 * One run, wholly determined: the same plan does the same things. It is plain data; where keys and values are such too, it
 * can be kept as JSON.
 */
export interface Plan {
  /** Of all dice: the network's, the machines', ClickHouse's. */
  readonly seed: number
  /** How many run at the same time. */
  readonly instances: number
  /** How many nodes Kafka has. Default 1. */
  readonly brokers?: number
  /** In the order in which they are written. */
  readonly records: readonly PlannedRecord[]
  /** What the source is sent, in this order; absent: nothing. */
  readonly messages?: readonly PlannedMessage[]
  /** In the order of time. */
  readonly faults: readonly Fault[]
}

/** A record with the topic and the partition that it is written to. */
export interface PlacedRecord extends PlannedRecord {
  readonly to: Topic<unknown, unknown>
  readonly partition: number
  readonly keyBytes: Buffer | null
}

/** Throws `BAD_REQUEST` for a record of a topic that the topology does not read. */
export function placedRecords(topology: Topology, records: readonly PlannedRecord[]): PlacedRecord[] {
  const inputs = inputsOf(topology)
  return records.map((record) => {
    const to = inputs.get(record.topic)
    if (!to) {
      const message = `nothing in this topology reads the topic "${record.topic}"`
      throw new RivuletError('BAD_REQUEST', message, { place: { topic: record.topic } })
    }
    const keyBytes = record.key === null ? null : to.key.serialize(record.key)
    return { ...record, to, keyBytes, partition: partitionFor(keyBytes, to.partitions, 0) }
  })
}

/** The one source that listens to a feed. Throws `BAD_REQUEST` where it is not clear which one that is. */
export function fedSource({ nodes }: Topology): string {
  const [source, ...others] = nodes.filter(({ type }) => type === 'external-source')
  if (source && others.length === 0) return source.name
  throw new RivuletError(
    'BAD_REQUEST',
    'messages are for the one source of a topology: it must have just one',
  )
}

/** By their names. */
export function inputsOf({ nodes }: Topology): ReadonlyMap<string, Topic<unknown, unknown>> {
  const sources = nodes.filter((node) => node.type === 'topic-source')
  return new Map(sources.map(({ topic }) => [topic.name, topic]))
}

/** By their names; those that a step chooses for each record are not known beforehand. */
export function outputsOf({ nodes }: Topology): ReadonlyMap<string, Topic<unknown, unknown>> {
  return new Map(
    nodes.flatMap((node) =>
      node.type === 'topic-sink' && !isChooser(node.topic) ? [[node.topic.name, node.topic] as const] : [],
    ),
  )
}

/** Steps that may hold a result back until wall-clock time has passed, or that make it outside of their transaction. */
const laterKinds: ReadonlySet<string> = new Set([
  'suppress',
  'process',
  'processValues',
  'leftJoin',
  'outerJoin',
])

/** Whether all that comes of an input is written in the transaction that commits its offset. */
export function emitsAtOnce(topology: Topology): boolean {
  const outputs = outputsOf(topology)
  return topology.nodes.every((node) =>
    node.type === 'topic-source'
      ? !outputs.has(node.topic.name)
      : node.type !== 'repartition' && !laterKinds.has(node.kind),
  )
}
