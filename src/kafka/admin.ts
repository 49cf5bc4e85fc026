import { RivuletError } from '../errors.ts'
import { decodeAssignment } from './assignor.ts'
import type { Cluster } from './cluster.ts'
import { createErrorFromCode } from './internals.ts'
import type { Link } from './link.ts'
import type { TopicMetadata } from './metadata.ts'
import { offsetFetchRequest } from './offset-requests.ts'
import { persist } from './persist.ts'
import { kafkaErrorType } from './translate.ts'
import type {
  CommittedOffset,
  Isolation,
  KafkaAdmin,
  PartitionOwner,
  PartitionRange,
  TopicPartition,
  TopicToEnsure,
} from './types.ts'

const adminUse = 'admin'
/** On connections of its own: what is only looked at waits for nothing else, and keeps nothing else waiting. */
const rangesUse = 'ranges'
const unknownTopic = 3
/** Of what `DescribeConfigs` describes. */
const topicResource = 2
const unknownGroup = 69
const leadersWaitMsMax = 60_000
const leadersPollMs = 50
const earliestTimestamp = -2
const latestTimestamp = -1
const isolationLevels: Readonly<Record<Isolation, number>> = { read_uncommitted: 0, read_committed: 1 }

export function createAdmin(cluster: Cluster): KafkaAdmin {
  return new ClusterAdmin(cluster)
}

class ClusterAdmin implements KafkaAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async ensureTopics(topics: readonly TopicToEnsure[]): Promise<ReadonlyMap<string, number>> {
    const names = topics.map(({ name }) => name)
    const present = await this.partitionCounts(names)
    for (const topic of topics.filter(({ name }) => !present.has(name))) await this.#create(topic)
    return this.#whenLed(names)
  }

  async topicNames(): Promise<readonly string[]> {
    const topics = await this.#persist(() => this.#cluster.topics('all'))
    return topics.flatMap(({ name, isInternal }) => (isInternal ? [] : name))
  }

  async partitionCounts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const topics = await this.#topics(names)
    return new Map(
      topics
        .filter(({ errorCode }) => errorCode !== unknownTopic)
        .map(({ name, partitions }) => [name, partitions.length]),
    )
  }

  async topicConfig(topic: string): Promise<ReadonlyMap<string, string>> {
    const { resources } = await this.#persist(() =>
      this.#cluster.withController(adminUse, `Can't ask for the settings of topic ${topic}`, (link) =>
        link.broker.describeConfigs({ resources: [{ type: topicResource, name: topic }] }),
      ),
    )
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  }

  async offsets(topic: string, isolation?: Isolation): Promise<readonly PartitionRange[]> {
    const partitions = await this.#partitionsOf(topic)
    const [lowOffsets, endOffsets] = [
      await this.#offsetsAt({ topic, partitions, timestamp: earliestTimestamp }),
      await this.#offsetsAt({ topic, partitions, timestamp: latestTimestamp, isolation }),
    ]
    return partitions.map((partition) => ({
      partition,
      lowOffset: Number(lowOffsets.get(partition)),
      endOffset: Number(endOffsets.get(partition)),
    }))
  }

  async ranges(partitions: readonly TopicPartition[]): Promise<readonly (TopicPartition & PartitionRange)[]> {
    const byLeader = new Map<number, TopicPartition[]>()
    const leaders = partitions.map(async (of) => {
      const { nodeId } = await this.#cluster.leaderOf(of)
      const led = byLeader.get(nodeId) ?? []
      byLeader.set(nodeId, led)
      led.push(of)
    })
    await Promise.allSettled(leaders)
    const asked = await Promise.allSettled([...byLeader.values()].map((led) => this.#rangesOf(led)))
    return asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  }

  async offsetAt(of: TopicPartition, timestampMs: number): Promise<number> {
    const offset = await this.#offset(of, timestampMs)
    return offset < 0 ? this.#offset(of, latestTimestamp) : offset
  }

  async committedOffsets(groupId: string, topics: readonly string[]): Promise<readonly CommittedOffset[]> {
    const partitions: TopicPartition[] = []
    for (const topic of topics) {
      for (const partition of await this.#partitionsOf(topic)) partitions.push({ topic, partition })
    }
    return fetchCommitted(this.#cluster, groupId, partitions, { use: adminUse })
  }

  settledOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
    signal?: AbortSignal,
  ): Promise<readonly CommittedOffset[]> {
    return fetchCommitted(this.#cluster, groupId, partitions, {
      use: adminUse,
      settled: true,
      ...(signal && { signal }),
    })
  }

  async deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void> {
    const what = `Can't delete records of partition ${partition} of topic ${topic}`
    const topics = [{ topic, partitions: [{ partition, offset: String(beforeOffset) }] }]
    await this.#persist(() =>
      this.#cluster.withLeader({ topic, partition }, adminUse, what, (link) =>
        link.broker.deleteRecords({ topics }),
      ),
    )
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const what = `Can't delete ${names.join(', ')}`
    await this.#persist(() =>
      this.#cluster.withController(adminUse, what, (link) => link.broker.deleteTopics({ topics: names })),
    )
  }

  async groupMembers(groupId: string): Promise<readonly string[]> {
    return (await this.#members(groupId)).map(({ clientId }) => clientId)
  }

  async groupOwners(groupId: string): Promise<readonly PartitionOwner[]> {
    const members = await this.#members(groupId)
    return members.flatMap(({ memberId, clientHost, memberAssignment }) => {
      // Kafka writes hosts with a slash, as Java does.
      const member = `${memberId}@${clientHost.replace(/^.*\//, '')}`
      const partitions = memberAssignment.length === 0 ? [] : decodeAssignment(memberAssignment).partitions
      return partitions.map((of) => ({ ...of, member }))
    })
  }

  async deleteGroup(groupId: string): Promise<void> {
    const what = `Can't delete the group ${groupId}`
    await this.#atCoordinator(groupId, what, async (link) => {
      const { results } = await link.broker.deleteGroups([groupId])
      const errorCode = results[0]?.errorCode ?? 0
      if (errorCode !== 0 && errorCode !== unknownGroup) throw createErrorFromCode(errorCode)
    })
  }

  async #members(groupId: string) {
    const { groups } = await this.#atCoordinator(groupId, `Can't ask for the members of ${groupId}`, (link) =>
      link.broker.describeGroups({ groupIds: [groupId] }),
    )
    return groups.flatMap(({ members }) => members)
  }

  #atCoordinator<T>(groupId: string, what: string, work: (link: Link) => Promise<T>): Promise<T> {
    return this.#persist(() =>
      this.#cluster.withCoordinator({ type: 'group', key: groupId }, adminUse, what, work),
    )
  }

  async #create({ name, partitions, config }: TopicToEnsure): Promise<void> {
    const topic = {
      topic: name,
      numPartitions: partitions,
      replicationFactor: -1, // the broker's default
      configEntries: Object.entries(config ?? {}).map(([key, value]) => ({ name: key, value })),
    }
    try {
      await this.#persist(() =>
        this.#cluster.withController(adminUse, `Can't make topic ${name}`, (link) =>
          link.broker.createTopics({ topics: [topic] }),
        ),
      )
    } catch (error) {
      // Somebody else was faster, or the answer to our own first attempt was lost.
      if (kafkaErrorType(error) !== 'TOPIC_ALREADY_EXISTS') throw error
    }
  }

  async #whenLed(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { clock } = this.#cluster.options
    const deadlineMs = clock.now() + leadersWaitMsMax
    for (;;) {
      const topics = await this.#topics(names)
      const waiting = topics.find((topic) => !isLed(topic))
      if (!waiting) return new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
      if (clock.now() > deadlineMs) {
        const message = `Topic ${waiting.name} has partitions without a leader after ${leadersWaitMsMax / 1000} s`
        throw new RivuletError('TIMED_OUT', message, { retryable: true, place: { topic: waiting.name } })
      }
      await clock.sleep(leadersPollMs)
    }
  }

  async #partitionsOf(topic: string): Promise<number[]> {
    const [metadata] = await this.#topics([topic])
    if (metadata?.errorCode !== 0) {
      const cause = createErrorFromCode(metadata?.errorCode ?? unknownTopic)
      throw new RivuletError(
        'KAFKA_FAILED',
        `Can't ask for the offsets of topic ${topic}: ${cause.message}`,
        {
          cause,
          place: { topic },
        },
      )
    }
    return metadata.partitions.map(({ partition }) => partition)
  }

  #topics(names: readonly string[]): Promise<readonly TopicMetadata[]> {
    return this.#persist(() => this.#cluster.topics(names))
  }

  /** Of partitions that one node leads. */
  async #rangesOf(led: readonly TopicPartition[]): Promise<(TopicPartition & PartitionRange)[]> {
    const cluster = this.#cluster
    try {
      const lowOffsets = await offsetsOf(cluster, rangesUse, led, { timestamp: earliestTimestamp })
      const isolation = 'read_uncommitted'
      const endOffsets = await offsetsOf(cluster, rangesUse, led, { timestamp: latestTimestamp, isolation })
      return led.map(({ topic, partition }) => ({
        topic,
        partition,
        lowOffset: Number(lowOffsets.get(topic)?.get(partition)),
        endOffset: Number(endOffsets.get(topic)?.get(partition)),
      }))
    } catch (error) {
      // Any of them may have another leader by now.
      for (const of of led) cluster.forgetLeader(of)
      throw error
    }
  }

  #offset(of: TopicPartition, timestamp: number): Promise<number> {
    return this.#persist(() => listOffset(this.#cluster, of, timestamp, adminUse))
  }

  /** One request to each leader. */
  async #offsetsAt(wanted: WantedOffsets): Promise<ReadonlyMap<number, number>> {
    const { topic } = wanted
    const cluster = this.#cluster
    return this.#persist(async () => {
      const byLeader = new Map<number, number[]>()
      for (const partition of wanted.partitions) {
        const { nodeId } = await cluster.leaderOf({ topic, partition })
        byLeader.set(nodeId, [...(byLeader.get(nodeId) ?? []), partition])
      }
      const answers = await Promise.all(
        [...byLeader.values()].map((partitions) => listOffsets(cluster, adminUse, { ...wanted, partitions })),
      )
      return new Map(answers.flatMap((answer) => [...answer]))
    })
  }

  #persist<T>(work: () => Promise<T>): Promise<T> {
    return persist(work, { kafka: this.#cluster.options })
  }
}

/** One attempt: where the partition begins (`earliest`), or what can be read of it ends. */
export async function listOffset(
  cluster: Cluster,
  of: TopicPartition,
  timestamp: number,
  use: string,
  isolation?: Isolation,
): Promise<number> {
  const { topic, partition } = of
  const offsets = await listOffsets(cluster, use, { topic, partitions: [partition], timestamp, isolation })
  return Number(offsets.get(partition))
}

interface WantedOffsets {
  readonly topic: string
  readonly partitions: readonly number[]
  readonly timestamp: number
  readonly isolation?: Isolation | undefined
}

/** The same of several partitions, which one node leads. */
async function listOffsets(
  cluster: Cluster,
  use: string,
  { topic, partitions, ...at }: WantedOffsets,
): Promise<ReadonlyMap<number, number>> {
  const led = partitions.map((partition) => ({ topic, partition }))
  return (await offsetsOf(cluster, use, led, at)).get(topic) ?? new Map()
}

/** The same of partitions of several topics, by topic. */
async function offsetsOf(
  cluster: Cluster,
  use: string,
  led: readonly TopicPartition[],
  { timestamp, isolation = 'read_committed' }: Pick<WantedOffsets, 'timestamp' | 'isolation'>,
): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const wanted = new Map<string, { partition: number; timestamp: number }[]>()
  for (const { topic, partition } of led) {
    const partitions = wanted.get(topic) ?? []
    wanted.set(topic, partitions)
    partitions.push({ partition, timestamp })
  }
  const named = [...wanted].map(
    ([topic, of]) => `partition ${of.map(({ partition }) => partition).join(', ')} of topic ${topic}`,
  )
  const topics = [...wanted].map(([topic, partitions]) => ({ topic, partitions }))
  const first = led[0] ?? { topic: '', partition: 0 }
  const { responses } = await cluster.withLeader(
    first,
    use,
    `Can't ask for the offsets of ${named.join(', ')}`,
    (link) => link.broker.listOffsets({ isolationLevel: isolationLevels[isolation], topics }),
  )
  return new Map(
    responses.map(({ topic, partitions }) => [
      topic,
      new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)])),
    ]),
  )
}

export const earliestOffset = (cluster: Cluster, of: TopicPartition, use: string) =>
  listOffset(cluster, of, earliestTimestamp, use)
export const latestOffset = (cluster: Cluster, of: TopicPartition, use: string) =>
  listOffset(cluster, of, latestTimestamp, use)

export interface FetchCommittedOptions {
  /** Names the connection. */
  readonly use: string
  /** Waits until no transaction may commit another offset any more. Default: no. */
  readonly settled?: boolean
  readonly signal?: AbortSignal
}

export async function fetchCommitted(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[],
  { use, settled = false, signal }: FetchCommittedOptions,
): Promise<CommittedOffset[]> {
  if (partitions.length === 0) return []
  const what = `Can't ask what group ${groupId} has committed`
  const request = offsetFetchRequest(groupId, partitions, settled)
  const { offsets } = await persist(
    () => cluster.withCoordinator({ type: 'group', key: groupId }, use, what, (link) => link.send(request)),
    { kafka: cluster.options, signal },
  )
  return offsets.map(({ leaderEpoch, ...committed }) => {
    const { offset } = committed
    if (offset !== undefined) cluster.leaderEpochs.note(committed, leaderEpoch, offset - 1, offset)
    return committed
  })
}

function isLed({ errorCode, partitions }: TopicMetadata): boolean {
  return errorCode === 0 && partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)
}
