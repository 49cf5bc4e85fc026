import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import { RivuletError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { LogDirectory } from '../../storage/storage.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { parseSegmentName } from '../log/segment.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { RecoveryPoints } from '../state/recovery-points.ts'
import type { StateTable } from '../state/state-table.ts'
import {
  checkConfigChange,
  checkTopicConfig,
  type LogConfig,
  logConfigOf,
  type TopicConfig,
} from './topic-config.ts'

export interface Topic {
  readonly name: string
  readonly id: number
  readonly config: TopicConfig
  readonly partitions: PartitionLog[]
}

export interface NewTopic {
  readonly name: string
  /** −1: one. */
  readonly partitionCount: number
  /** −1: one. */
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string | null>>
}

const storedTopic = v.object({
  id: v.number(),
  partitionCount: v.number(),
  config: v.record(v.string(), v.string()),
})
const leaderEpochKey = 'leader epoch'
const nextIdKey = 'next topic id'
const topicPrefix = 'topic/'
const deletedPrefix = 'deleted topic/'

export interface TopicsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly state: StateTable
  readonly recoveryPoints: RecoveryPoints
  readonly directory: LogDirectory
  /** Whether consumers are given only what is on the medium. */
  readonly hidesUnsynced: boolean
  /** Of all topics together. */
  readonly partitionsMax: number
}

/** The topics and their logs. */
export class Topics {
  /** Of the keys that `DeleteRecords` writes to the broker's state. */
  static readonly startOffsetPrefix = 'start offset/'
  readonly #options: TopicsOptions
  readonly #topics = new Map<string, Topic>()
  /**
   * One more with each start and each new topic: records that were lost, or were of a topic of the same name, had another
   * one, so whoever has read them can tell.
   */
  #leaderEpoch: number

  /** Throws `LOG_CORRUPT` where a log is damaged, or there are records that the broker's state does not know of. */
  constructor(options: TopicsOptions) {
    this.#options = options
    const { directory, state } = options
    this.#leaderEpoch = v.parse(v.number(), state.get(leaderEpochKey) ?? 0) + 1
    const known = new Set<string>()
    for (const [name, value] of state.entries(topicPrefix)) {
      const { id, partitionCount, config } = v.parse(storedTopic, value)
      known.add(directoryName(name, id))
      this.#open({ name, id, config, partitions: [] }, partitionCount)
    }
    for (const name of directory.directories()) {
      if (!known.has(name) && !this.#isDeleted(name)) refuseRecordsIn(directory.directory(name))
    }
  }

  /** Once after the start: removes what deletions that were cut short have left, and mends every log. */
  repair(): void {
    const { directory, state } = this.#options
    const deleted = [...state.entries(deletedPrefix)].map(([name]) => name)
    for (const name of deleted) directory.removeDirectory(name)
    state.change([
      { key: leaderEpochKey, value: this.#leaderEpoch },
      ...deleted.map((name) => ({ key: deletedPrefix + name, value: undefined })),
    ])
    state.log.syncNow()
    for (const log of this.logs()) log.repair()
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  /** Throws `UNKNOWN_TOPIC_OR_PARTITION`. */
  log(topic: string, partition: number): PartitionLog {
    const log = this.#topics.get(topic)?.partitions[partition]
    if (log) return log
    throw new KafkaError(errorCodes.unknownTopicOrPartition, `${topic}/${partition} does not exist`)
  }

  /** The logs of those that there are. */
  logsOf(places: Iterable<{ readonly topic: string; readonly partition: number }>): PartitionLog[] {
    return [...places].flatMap(({ topic, partition }) => this.#topics.get(topic)?.partitions[partition] ?? [])
  }

  /** Where the logs lie. */
  get path(): string {
    return this.#options.directory.path
  }

  all(): Iterable<Topic> {
    return this.#topics.values()
  }

  *logs(): Generator<PartitionLog> {
    for (const topic of this.#topics.values()) yield* topic.partitions
  }

  /** Throws a `KafkaError` that says what is wrong with it. Source: Kafka `CreateTopics`. */
  create(wanted: NewTopic, validateOnly: boolean): void {
    checkTopicName(wanted.name)
    if (this.#topics.has(wanted.name)) {
      throw new KafkaError(errorCodes.topicAlreadyExists, `Topic '${wanted.name}' already exists.`)
    }
    const collision = [...this.#topics.keys()].find((name) => collides(name, wanted.name))
    if (collision !== undefined) {
      const message = `Topic '${wanted.name}' collides with existing topic: ${collision}`
      throw new KafkaError(errorCodes.invalidTopic, message)
    }
    const partitionCount = wanted.partitionCount === -1 ? 1 : wanted.partitionCount
    if (partitionCount <= 0) {
      const message = 'Number of partitions must be larger than 0, or -1 to use the default value.'
      throw new KafkaError(errorCodes.invalidPartitions, message)
    }
    this.#checkPartitionsMax(partitionCount)
    if (wanted.replicationFactor !== -1 && wanted.replicationFactor !== 1) {
      const message = `Replication factor: ${wanted.replicationFactor}, but there is one broker.`
      throw new KafkaError(errorCodes.invalidReplicationFactor, message)
    }
    const config = checkTopicConfig(wanted.config)
    if (validateOnly) return
    const id = v.parse(v.number(), this.#options.state.get(nextIdKey) ?? 1)
    this.#options.state.change([
      { key: nextIdKey, value: id + 1 },
      { key: leaderEpochKey, value: ++this.#leaderEpoch },
      { key: topicPrefix + wanted.name, value: { id, partitionCount, config } },
    ])
    this.#options.state.log.syncNow() // Before there are records that it must know of.
    this.#open({ name: wanted.name, id, config, partitions: [] }, partitionCount)
  }

  /** Adds partitions until there are `partitionCount`. Source: Kafka `CreatePartitions`. */
  grow(name: string, partitionCount: number, validateOnly: boolean): void {
    const topic = this.#existing(name)
    const { id, config, partitions } = topic
    if (partitionCount <= partitions.length) {
      const has = `The topic ${name} currently has ${partitions.length} partition(s)`
      throw new KafkaError(
        errorCodes.invalidPartitions,
        `${has}; ${partitionCount} would not be an increase.`,
      )
    }
    this.#checkPartitionsMax(partitionCount - partitions.length)
    if (validateOnly) return
    this.#options.state.change([{ key: topicPrefix + name, value: { id, partitionCount, config } }])
    this.#options.state.log.syncNow()
    this.#open(topic, partitionCount)
  }

  /** Its logs heed them at once. Throws `INVALID_CONFIG`. Source: Kafka `AlterConfigs`. */
  configure(name: string, wanted: NewTopic['config'], validateOnly: boolean): void {
    const topic = this.#existing(name)
    const config = checkTopicConfig(wanted)
    checkConfigChange(topic.config, config)
    if (validateOnly) return
    const { id, partitions } = topic
    this.#options.state.change([
      { key: topicPrefix + name, value: { id, partitionCount: partitions.length, config } },
    ])
    this.#options.state.log.syncNow()
    for (const log of partitions) log.config = logConfigOf(config)
    this.#topics.set(name, { ...topic, config })
  }

  delete(name: string): void {
    const { id, partitions } = this.#existing(name)
    this.#options.state.change([
      { key: topicPrefix + name, value: undefined },
      { key: deletedPrefix + directoryName(name, id), value: true },
      ...partitions.map((log) => ({ key: startKey(id, log.partition), value: undefined })),
    ])
    this.#topics.delete(name)
    for (const log of partitions) log.remove()
    this.#options.state.log.syncNow() // Before its records go.
    this.#options.directory.removeDirectory(directoryName(name, id))
  }

  /** Removes the records before `offset` (−1: all) and returns where the log begins now. Source: `DeleteRecords`. */
  deleteRecords(name: string, partition: number, offset: number): number {
    const log = this.log(name, partition)
    const before = offset === -1 ? log.highWatermark : offset
    if (before < 0 || before > log.highWatermark) {
      throw new KafkaError(errorCodes.offsetOutOfRange, `offset ${offset} is not in ${name}/${partition}`)
    }
    if (before > log.startOffset) {
      const key = startKey(this.#existing(name).id, partition)
      this.#options.state.change([{ key, value: before }])
      log.deleteBefore(before)
    }
    return log.startOffset
  }

  close(): void {
    for (const log of this.logs()) log.close()
  }

  #isDeleted(directoryName: string): boolean {
    return this.#options.state.get(deletedPrefix + directoryName) === true
  }

  #existing(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic) return topic
    throw new KafkaError(errorCodes.unknownTopicOrPartition, `Topic '${name}' does not exist.`)
  }

  #checkPartitionsMax(added: number): void {
    let count = added
    for (const topic of this.#topics.values()) count += topic.partitions.length
    if (count <= this.#options.partitionsMax) return
    const message = `${count} partitions are more than partitionsMax, ${this.#options.partitionsMax}`
    throw new KafkaError(errorCodes.policyViolation, message)
  }

  #open(topic: Topic, partitionCount: number): void {
    const { clock, logger, state, directory, recoveryPoints, hidesUnsynced } = this.#options
    const config: LogConfig = logConfigOf(topic.config)
    const folder = directoryName(topic.name, topic.id)
    const topicDirectory = directory.directory(folder)
    for (let partition = topic.partitions.length; partition < partitionCount; partition++) {
      const startOffset = v.parse(v.number(), state.get(startKey(topic.id, partition)) ?? 0)
      const name = `${folder}/${partition}`
      topic.partitions.push(
        new PartitionLog({
          ...{ topic: topic.name, partition, name, config, clock, logger, startOffset, hidesUnsynced },
          recoveryPoint: recoveryPoints.of(name),
          leaderEpoch: this.#leaderEpoch,
          directory: topicDirectory.directory(String(partition)),
        }),
      )
    }
    const unknown = topicDirectory.directories().filter((name) => !(Number(name) < partitionCount))
    for (const name of unknown) refuseRecordsIn(topicDirectory.directory(name))
    this.#topics.set(topic.name, topic)
  }
}

// With its id, so that a topic made again never finds what its predecessor left.
const directoryName = (name: string, id: number) => `${name}.${id}`
const startKey = (id: number, partition: number) => `${Topics.startOffsetPrefix}${id}/${partition}`

function holdsRecords(directory: LogDirectory): boolean {
  for (const name of directory.files()) {
    if (!parseSegmentName(name)) continue
    const file = directory.open(name)
    file.close()
    if (file.sizeBytes > 0) return true
  }
  return directory.directories().some((name) => holdsRecords(directory.directory(name)))
}

/** A creation that was cut short leaves a folder without any: it does no harm. */
function refuseRecordsIn(directory: LogDirectory): void {
  if (!holdsRecords(directory)) return
  const what = `${directory.path} holds records, but the broker's state does not know of them`
  throw new RivuletError('LOG_CORRUPT', `${what}; restore the folder "state", or move this one away`)
}

function checkTopicName(name: string): void {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return
  const rule = "1 to 249 of ASCII letters, digits, '.', '_' and '-', and not '.' or '..'"
  throw new KafkaError(errorCodes.invalidTopic, `Topic name '${name}' is illegal: it must be ${rule}.`)
}

/** Kafka keeps these apart because its metrics can't tell them from each other. */
function collides(a: string, b: string): boolean {
  return a.replaceAll('.', '_') === b.replaceAll('.', '_')
}
