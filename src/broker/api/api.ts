import type { Clock } from '../../clock.ts'
import type { Faults } from '../faults.ts'
import type { Groups } from '../group/groups.ts'
import type { CommittedOffsets } from '../group/offsets.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Placement } from '../placement.ts'
import { errorCodes, KafkaError, type KafkaErrorCode } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import type { Writer } from '../protocol/writer.ts'
import type { Topics } from '../topic/topics.ts'
import type { Transactions } from '../transaction/transactions.ts'

/** What the requests work on. */
export interface Services {
  readonly clusterId: string
  readonly placement: Placement
  readonly clock: Clock
  readonly topics: Topics
  readonly groups: Groups
  readonly offsets: CommittedOffsets
  readonly transactions: Transactions
  readonly faults: Faults
  readonly fetchBytesMax: number
  /** Resolves when what was just written to `logs` and to the broker's state may be acknowledged. */
  durable(logs: readonly PartitionLog[]): Promise<void> | undefined
}

export interface RequestContext {
  readonly clientId: string
  readonly clientHost: string
  /** Of those that the API has. */
  readonly version: number
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
}

/** Writes the body of an answer, without the tagged fields at its end. */
export type Answer = (writer: Writer) => void

/** One API in the versions that clients ask for: its wire format, and what it does. */
export interface Api {
  readonly name: string
  readonly key: number
  /** The lowest. */
  readonly version: number
  /** Said to clients in its place, where they want to hear of versions that they never ask for. */
  readonly versionSaid?: number
  /** Default: the lowest. */
  readonly versionMax?: number
  /** From this one on, requests and answers have tagged fields, and compact lengths. */
  readonly flexibleFrom?: number
  /** Undefined: there is no answer to it. Throws `MalformedRequest`; what else it throws ends the connection. */
  serve(
    reader: Reader,
    services: Services,
    request: RequestContext,
  ): Answer | undefined | Promise<Answer | undefined>
}

/** Throws a `KafkaError` where there is no such partition, or another node leads it. */
export function ledLog({ topics, placement }: Services, topic: string, partition: number): PartitionLog {
  const log = topics.log(topic, partition)
  check(placement.leaderFault(log), `another node leads ${topic}/${partition}`)
  return log
}

/** Throws a `KafkaError` with a code that is not `none`. */
export function check(fault: KafkaErrorCode, what: string): void {
  if (fault !== errorCodes.none) throw new KafkaError(fault, what)
}

export const noThrottleMs = 0
/** In place of what the client may do. Source: Kafka `AUTHORIZED_OPERATIONS_OMITTED`. */
export const unknownOperations = -2_147_483_648

export interface OfTopic<T> {
  readonly topic: string
  readonly partitions: readonly T[]
}

/** Most requests are lists of topics with lists of partitions. */
export function readTopics<T>(reader: Reader, partition: (reader: Reader) => T): OfTopic<T>[] {
  return reader.structs(() => ({
    topic: reader.string(),
    partitions: reader.structs(() => partition(reader)),
  }))
}

/** The same of nothing but their numbers; null: of all topics. */
export function readPartitions(reader: Reader): OfTopic<number>[] | null {
  return reader.nullableStructs(() => ({
    topic: reader.string(),
    partitions: reader.array(() => reader.int32()),
  }))
}

/** The same for answers; `answer` writes what stands for one partition. */
export function writeTopics<T>(
  writer: Writer,
  topics: readonly OfTopic<T>[],
  answer: (partition: T) => void,
): void {
  writer.structs(topics, ({ topic, partitions }) => writer.string(topic).structs(partitions, answer))
}

export function mapPartitions<T, R>(
  topics: readonly OfTopic<T>[],
  map: (partition: T, topic: string) => R,
): OfTopic<R>[] {
  return topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition) => map(partition, topic)),
  }))
}

export function byTopic(
  places: readonly { readonly topic: string; readonly partition: number }[],
): OfTopic<number>[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of places) topics.set(topic, [...(topics.get(topic) ?? []), partition])
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
