import { type Subscription, timer } from 'rxjs'
import { messageOf, RivuletError } from '../errors.ts'
import { createErrorFromCode, type KafkajsLogger } from './internals.ts'
import { kafkajsLogger } from './kafkajs-logger.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { type Address, type Link, openLink } from './link.ts'
import { type ClusterMetadata, fetchMetadata, type TopicMetadata } from './metadata.ts'
import { refusalOf } from './refusal.ts'
import { isConnectionError, isStale, translate, translateSent } from './translate.ts'
import type { KafkaSettings, TopicPartition } from './types.ts'

/** A node that takes a connection and says nothing keeps a caller waiting for longer than an operator should guess. */
const silentMsMax = 2_000
/** How often it is looked from then on whether to wait is still worth it. */
const lookIntervalMs = 1_000

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
  readonly #logger: KafkajsLogger
  readonly #seeds: readonly Address[]
  readonly #links = new Map<string, LinkEntry>()
  /** Of each topic: the leader of each partition, possibly still being asked for. */
  readonly #leaders = new Map<string, Promise<ReadonlyMap<number, Leader>>>()
  readonly #coordinators = new Map<string, number>()
  /** When each node has answered anybody last. */
  readonly #heardMs = new Map<string, number>()
  /** Nodes that let somebody wait while they answer nobody: others are asked first. */
  readonly #silent = new Set<string>()
  /** Nodes of which it was said that they take long to open. */
  readonly #unopened = new Set<string>()
  /** Who is there, as it is being asked because of a node that says nothing. */
  #listing: Promise<ClusterMetadata> | undefined
  #nodes: ReadonlyMap<number, Address> = new Map()
  #nextSeed = 0
  #closed = false

  constructor(options: KafkaSettings) {
    this.options = options
    this.#logger = kafkajsLogger(options.logger)
    this.#seeds = options.brokers.map(parseAddress)
    if (this.#seeds.length === 0) throw badBrokers('empty')
  }

  withAny<T>(use: string, what: string, work: (link: Link) => Promise<T>): Promise<T> {
    const candidates = this.#candidates
    const answering = candidates.filter((each) => !this.#isSilent(each))
    const preferred = answering.length > 0 ? answering : candidates
    const address = preferred[this.#nextSeed++ % preferred.length] as Address
    const isVain = async () => candidates.some((each) => each !== address && !this.#isSilent(each))
    return this.#with(address, use, what, work, isVain)
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
    return this.#with(address, use, what, work, () => this.#hasGone(nodeId))
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
    for (const [key, entry] of this.#links) {
      const its = key.slice(key.indexOf(' ') + 1)
      if (its === use || its.startsWith(`${use} `)) this.#drop(key, entry)
    }
  }

  close(): void {
    this.#closed = true
    for (const [key, entry] of this.#links) this.#drop(key, entry)
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
    const listed = new Set([...metadata.nodes.values()].map(nameOf))
    for (const node of this.#unopened) if (!listed.has(node)) this.#settle(node, false)
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

  /** `isVain`: whether there is nothing to be had by waiting any longer; asked while the node says nothing. */
  async #with<T>(
    address: Address,
    use: string,
    what: string,
    work: (link: Link) => Promise<T>,
    isVain: () => Promise<boolean>,
  ): Promise<T> {
    if (this.#closed) throw new RivuletError('KAFKA_FAILED', `${what}: this connection to Kafka was closed`)
    const key = `${nameOf(address)} ${use}`
    const entry = this.#entry(key, address)
    const silence = this.#whileSilent(address, async () => {
      if (await isVain()) this.#drop(key, entry, 'no answer, while other nodes answer')
    })
    try {
      return await this.#ask(address, entry, what, work)
    } catch (error) {
      if (!entry.link || isConnectionError(error)) this.#drop(key, entry)
      throw error
    } finally {
      silence.unsubscribe()
    }
  }

  async #ask<T>(
    address: Address,
    entry: LinkEntry,
    what: string,
    work: (link: Link) => Promise<T>,
  ): Promise<T> {
    const spoken = { address, options: this.options, logger: this.#logger }
    try {
      entry.link ??= await entry.opening
    } catch (error) {
      throw (await refusalOf(error, spoken)) ?? translate(error, what)
    }
    try {
      const answer = await work(entry.link)
      entry.isHeard = true
      this.#hear(address)
      return answer
    } catch (error) {
      throw (await refusalOf(error, { ...spoken, ...entry })) ?? translateSent(error, what)
    }
  }

  #entry(key: string, address: Address): LinkEntry {
    const present = this.#links.get(key)
    if (present && present.link?.isOpen() !== false) return present
    const ending = new AbortController()
    const opening = openLink(address, this.options, this.#logger, ending.signal)
    const entry: LinkEntry = { ending, opening: this.#watched(address, opening) }
    this.#links.set(key, entry)
    return entry
  }

  /** Says that a node takes long to open, and when it has. What is refused at once is said by whoever tries again. */
  async #watched(address: Address, opening: Promise<Link>): Promise<Link> {
    const { clock, trouble } = this.options
    const node = nameOf(address)
    const overdue = clock.scheduler.schedule(() => {
      if (this.#closed) return
      if (!this.#unopened.has(node)) trouble.begin()
      this.#unopened.add(node)
      trouble.say(`Kafka at ${node} has not answered for ${silentMsMax / 1000} s`)
    }, silentMsMax)
    const link = await opening.finally(() => overdue.unsubscribe())
    this.#settle(node, true)
    return link
  }

  /** A node has opened, or is none any more. */
  #settle(node: string, answered: boolean): void {
    if (this.#unopened.delete(node)) this.options.trouble.end({ answered })
  }

  #hear(address: Address): void {
    const node = nameOf(address)
    this.#heardMs.set(node, this.options.clock.now())
    this.#silent.delete(node)
  }

  #isSilent(address: Address): boolean {
    return this.#silent.has(nameOf(address))
  }

  /** Looks again and again while a node lets somebody wait, and answers nobody else either. */
  #whileSilent(address: Address, look: () => Promise<void>): Subscription {
    const { clock, logger } = this.options
    const node = nameOf(address)
    return timer(silentMsMax, lookIntervalMs, clock.scheduler).subscribe(() => {
      if (clock.now() - (this.#heardMs.get(node) ?? 0) < silentMsMax) return
      this.#silent.add(node)
      look().catch((error) => logger.debug(messageOf(error)))
    })
  }

  #drop(key: string, entry: LinkEntry, why = 'closed by Rivulet'): void {
    if (this.#links.get(key) === entry) this.#links.delete(key)
    entry.ending.abort(why)
    entry.opening.catch(() => undefined) // whoever asked for it is told
  }
}

interface LinkEntry {
  /** Aborted: it is ended. */
  readonly ending: AbortController
  readonly opening: Promise<Link>
  link?: Link
  /** Whether anything was answered to what was asked on it. */
  isHeard?: boolean
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

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
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
