import { RivuletError } from '../errors.ts'
import { createErrorFromCode } from './internals.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { Address, Link } from './link.ts'
import { Links } from './links.ts'
import { type ClusterMetadata, fetchMetadata, type TopicMetadata } from './metadata.ts'
import type { KafkaSettings } from './options.ts'
import { isConnectionError, isStale, translate } from './translate.ts'
import type { TopicPartition } from './types.ts'

/** Who leads a partition, and which of its leaders that is. */
export interface Leader {
  readonly nodeId: number
  readonly epoch: number
}

export type CoordinatorType = 'group' | 'transaction'

/**
 * Who is who in the cluster, and a connection to each. Every call is one attempt: it rejects with a `RivuletError`,
 * having forgotten what proved wrong (a leader, a coordinator, a dead connection), so that `retry` finds the new one.
 * `use` names what a connection is for; each use has its own.
 */
export interface Cluster {
  readonly options: KafkaSettings
  withAny<T>(use: string, what: string, work: (link: Link) => Promise<T>): Promise<T>
  withController<T>(use: string, what: string, work: (link: Link) => Promise<T>): Promise<T>
  withNode<T>(nodeId: number, use: string, what: string, work: (link: Link) => Promise<T>): Promise<T>
  withLeader<T>(of: TopicPartition, use: string, what: string, work: (link: Link) => Promise<T>): Promise<T>
  withCoordinator<T>(
    of: { readonly type: CoordinatorType; readonly key: string },
    use: string,
    what: string,
    work: (link: Link) => Promise<T>,
  ): Promise<T>
  /** What is known of the epochs in which was written what this program reads. */
  readonly leaderEpochs: LeaderEpochs
  leaderOf(of: TopicPartition): Promise<Leader>
  /** Fresh, with each topic's own error code where it may pass; rejects with one that does not, such as a missing permission. */
  topics(names: readonly string[] | 'all'): Promise<readonly TopicMetadata[]>
  forgetLeader(of: TopicPartition): void
  /** Ends the connections of one use, and of those that begin with it and a space. */
  closeUse(use: string): void
  close(): void
}

export function createCluster(options: KafkaSettings): Cluster {
  return new KafkaCluster(options)
}

class KafkaCluster implements Cluster {
  readonly options: KafkaSettings
  readonly leaderEpochs = new LeaderEpochs()
  readonly #seeds: readonly Address[]
  readonly #links: Links
  /** Of each topic: the leader of each partition, possibly still being asked for. */
  readonly #leaders = new Map<string, Promise<ReadonlyMap<number, Leader>>>()
  readonly #coordinators = new Map<string, number>()
  /** Who is there, as it is being asked because of a node that says nothing. */
  #listing: Promise<ClusterMetadata> | undefined
  #nodes: ReadonlyMap<number, Address> = new Map()
  #nextSeed = 0

  constructor(options: KafkaSettings) {
    this.options = options
    this.#links = new Links(options)
    this.#seeds = options.brokers.map(parseAddress)
    if (this.#seeds.length === 0) throw badBrokers('empty')
  }

  withAny<T>(use: string, what: string, work: (link: Link) => Promise<T>): Promise<T> {
    const candidates = this.#candidates
    const answering = candidates.filter((each) => !this.#links.isSilent(each))
    const preferred = answering.length > 0 ? answering : candidates
    const address = preferred[this.#nextSeed++ % preferred.length] as Address
    const isVain = async () => candidates.some((each) => each !== address && !this.#links.isSilent(each))
    return this.#links.with(address, use, what, work, isVain)
  }

  async withController<T>(use: string, what: string, work: (link: Link) => Promise<T>): Promise<T> {
    const { controllerId } = await this.#refresh([])
    return this.withNode(controllerId, use, what, work)
  }

  async withNode<T>(nodeId: number, use: string, what: string, work: (link: Link) => Promise<T>): Promise<T> {
    if (!this.#nodes.has(nodeId)) await this.#refresh([])
    const address = this.#nodes.get(nodeId)
    if (!address) {
      throw new RivuletError('KAFKA_UNREACHABLE', `${what}: node ${nodeId} is away`, { retryable: true })
    }
    return this.#links.with(address, use, what, work, () => this.#hasGone(nodeId))
  }

  async withLeader<T>(
    of: TopicPartition,
    use: string,
    what: string,
    work: (link: Link) => Promise<T>,
  ): Promise<T> {
    const place = { topic: of.topic, partition: of.partition }
    try {
      const { nodeId } = await this.leaderOf(of)
      return await this.withNode(nodeId, use, what, work)
    } catch (error) {
      if (isStale(error) || isConnectionError(error)) this.forgetLeader(of)
      throw error instanceof RivuletError && error.place.topic === undefined
        ? new RivuletError(error.code, error.message, {
            cause: error.cause,
            retryable: error.retryable,
            place,
          })
        : error
    }
  }

  async withCoordinator<T>(
    { type, key }: { readonly type: CoordinatorType; readonly key: string },
    use: string,
    what: string,
    work: (link: Link) => Promise<T>,
  ): Promise<T> {
    const id = `${type} ${key}`
    try {
      const nodeId = this.#coordinators.get(id) ?? (await this.#findCoordinator(type, key))
      this.#coordinators.set(id, nodeId)
      return await this.withNode(nodeId, use, what, work)
    } catch (error) {
      if (isStale(error) || isConnectionError(error)) this.#coordinators.delete(id)
      throw error
    }
  }

  async leaderOf({ topic, partition }: TopicPartition): Promise<Leader> {
    let leaders = this.#leaders.get(topic)
    if (!leaders) {
      leaders = this.topics([topic]).then(([metadata]) => leadersOf(metadata))
      this.#leaders.set(topic, leaders)
      leaders.catch(() => this.#leaders.delete(topic))
    }
    const place = { topic, partition }
    const leader = (
      await leaders.catch((error) => {
        throw translate(error, `Can't find the leader of ${topic}`, place)
      })
    ).get(partition)
    if (!leader || leader.nodeId < 0) {
      this.#leaders.delete(topic)
      const message = `Partition ${partition} of topic ${topic} has no leader`
      throw new RivuletError('KAFKA_UNREACHABLE', message, { retryable: true, place })
    }
    return leader
  }

  async topics(names: readonly string[] | 'all'): Promise<readonly TopicMetadata[]> {
    const { topics } = await this.#refresh(names)
    for (const { name, errorCode } of topics) {
      if (errorCode === 0) continue
      const error = translate(createErrorFromCode(errorCode), `Can't ask for topic ${name}`, { topic: name })
      if (!error.retryable) throw error
    }
    return topics
  }

  forgetLeader({ topic }: TopicPartition): void {
    this.#leaders.delete(topic)
  }

  closeUse(use: string): void {
    this.#links.closeUse(use)
  }

  close(): void {
    this.#links.close()
  }

  get #candidates(): readonly Address[] {
    return this.#nodes.size > 0 ? [...this.#nodes.values()] : this.#seeds
  }

  async #refresh(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    const what = "Can't ask Kafka for its topics"
    const metadata = await this.withAny('metadata', what, (link) => fetchMetadata(link, topics)).catch(
      (error) => {
        // The node asked may be gone for good: begin again with those that the user named.
        if (isConnectionError(error)) this.#nodes = new Map()
        throw error
      },
    )
    this.#nodes = metadata.nodes
    this.#links.listed(metadata.nodes.values())
    return metadata
  }

  /** Whether the others have given the node up. Nobody need wait for its answers then, or for as long as it might take. */
  async #hasGone(nodeId: number): Promise<boolean> {
    if (this.#candidates.length < 2) return false
    this.#listing ??= this.#refresh([]).finally(() => {
      this.#listing = undefined
    })
    const { nodes } = await this.#listing
    return !nodes.has(nodeId)
  }

  async #findCoordinator(type: CoordinatorType, key: string): Promise<number> {
    const { coordinator } = await this.withAny('metadata', `Can't find the coordinator of ${key}`, (link) =>
      link.broker.findGroupCoordinator({ groupId: key, coordinatorType: type === 'group' ? 0 : 1 }),
    )
    return coordinator.nodeId
  }
}

function leadersOf(topic: TopicMetadata | undefined): ReadonlyMap<number, Leader> {
  if (!topic) return new Map()
  if (topic.errorCode !== 0) throw createErrorFromCode(topic.errorCode)
  return new Map(
    topic.partitions.map(({ partition, leader, leaderEpoch }) => [
      partition,
      { nodeId: leader, epoch: leaderEpoch },
    ]),
  )
}

function parseAddress(broker: string): Address {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(broker) ?? []
  if (!host || !port) throw badBrokers(`"${broker}"`)
  return { host, port: Number(port) }
}

function badBrokers(what: string): RivuletError {
  return new RivuletError('BAD_CONFIG', `Kafka's brokers are ${what}; each should be host:port`, {
    place: { parameter: 'kafkaBrokers' },
  })
}
