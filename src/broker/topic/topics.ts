import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { StateTable } from '../state/state-table.ts'
import type { LogDirectory } from '../storage/storage.ts'
import { checkTopicConfig, type LogConfig, logConfigOf, type TopicConfig } from './topic-config.ts'

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

const storedTopic = z.object({
  id: z.number(),
  partitionCount: z.number(),
  config: z.record(z.string(), z.string()),
})
const nextIdKey = 'next topic id'
const topicPrefix = 'topic/'
const startPrefix = 'start offset/'

export interface TopicsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly state: StateTable
  readonly directory: LogDirectory
  /** Of all topics together. */
  readonly partitionsMax: number
}

/** The topics and their logs. */
export class Topics {
  readonly #options: TopicsOptions
  readonly #topics = new Map<string, Topic>()

  constructor(options: TopicsOptions) {
    this.#options = options
    const { directory, state } = options
    const known = new Set<string>()
    for (const [name, value] of state.entries(topicPrefix)) {
      const { id, partitionCount, config } = storedTopic.parse(value)
      known.add(directoryName(name, id))
      this.#open({ name, id, config, partitions: [] }, partitionCount)
    }
    // A deletion or a creation that was cut short.
    for (const orphan of directory.directories()) if (!known.has(orphan)) directory.removeDirectory(orphan)
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
    const id = z.number().parse(this.#options.state.get(nextIdKey) ?? 1)
    this.#options.state.change([
      { key: nextIdKey, value: id + 1 },
      { key: topicPrefix + wanted.name, value: { id, partitionCount, config } },
    ])
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
    this.#open(topic, partitionCount)
  }

  delete(name: string): void {
    const { id, partitions } = this.#existing(name)
    this.#options.state.change([
      { key: topicPrefix + name, value: undefined },
      ...partitions.map((log) => ({ key: startKey(id, log.partition), value: undefined })),
    ])
    this.#topics.delete(name)
    for (const log of partitions) log.remove()
    this.#options.directory.removeDirectory(directoryName(name, id))
  }

  /** Removes the records before `offset` (−1: all) and returns where the log begins now. Source: `DeleteRecords`. */
  deleteRecords(name: string, partition: number, offset: number): number {
    const log = this.log(name, partition)
    const before = offset === -1 ? log.endOffset : offset
    if (before < 0 || before > log.endOffset) {
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
    const { clock, logger, state, directory } = this.#options
    const config: LogConfig = logConfigOf(topic.config)
    const topicDirectory = directory.directory(directoryName(topic.name, topic.id))
    for (let partition = topic.partitions.length; partition < partitionCount; partition++) {
      const startOffset = z.number().parse(state.get(startKey(topic.id, partition)) ?? 0)
      topic.partitions.push(
        new PartitionLog({
          ...{ topic: topic.name, partition, config, clock, logger, startOffset },
          directory: topicDirectory.directory(String(partition)),
        }),
      )
    }
    this.#topics.set(topic.name, topic)
  }
}

// With its id, so that a topic made again never finds what its predecessor left.
const directoryName = (name: string, id: number) => `${name}.${id}`
const startKey = (id: number, partition: number) => `${startPrefix}${id}/${partition}`

function checkTopicName(name: string): void {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return
  const rule = "1 to 249 of ASCII letters, digits, '.', '_' and '-', and not '.' or '..'"
  throw new KafkaError(errorCodes.invalidTopic, `Topic name '${name}' is illegal: it must be ${rule}.`)
}

/** Kafka keeps these apart because its metrics can't tell them from each other. */
function collides(a: string, b: string): boolean {
  return a.replaceAll('.', '_') === b.replaceAll('.', '_')
}
