import { Observable, type Subscriber } from 'rxjs'
import { abortedWith } from '../aborted.ts'
import { isRetryable, messageOf, RivuletError } from '../errors.ts'
import { fetchCommitted } from './admin.ts'
import { evenAssignor, keyOf } from './assignor.ts'
import type { Cluster } from './cluster.ts'
import { Fetcher } from './fetcher.ts'
import { Membership } from './membership.ts'
import { offsetCommitRequest } from './offset-requests.ts'
import { persist } from './persist.ts'
import { kafkaErrorType, translate } from './translate.ts'
import type {
  ConsumerEvent,
  ConsumerOptions,
  KafkaConsumer,
  PartitionOffset,
  TopicPartition,
} from './types.ts'

let consumers = 0

export function createConsumer(cluster: Cluster, options: ConsumerOptions): KafkaConsumer {
  return new GroupConsumer(cluster, options)
}

class GroupConsumer implements KafkaConsumer {
  readonly events$: Observable<ConsumerEvent>
  readonly #cluster: Cluster
  readonly #options: ConsumerOptions
  readonly #use = `consumer ${++consumers}`
  readonly #membership: Membership
  readonly #fetcher: Fetcher
  readonly #stopped = new AbortController()
  /** What the subscriber knows it has. */
  readonly #announced = new Map<string, TopicPartition>()
  #subscriber: Subscriber<ConsumerEvent> | undefined
  #running: Promise<void> = Promise.resolve()
  #closing = false

  constructor(cluster: Cluster, options: ConsumerOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#fetcher = new Fetcher({
      cluster,
      use: `${this.#use} fetch`,
      limits: {
        waitMsMax: options.fetchWaitMsMax ?? 500,
        bytesMax: options.fetchBytesMax ?? 8 * 1024 * 1024,
        partitionBytesMax: options.partitionFetchBytesMax ?? 1024 * 1024,
      },
      fetched: (fetched) => this.#emit({ type: 'fetched', ...fetched }),
      skipped: ({ topic, partition }, fromOffset, toOffset) => {
        const { logger } = cluster.options
        const place = { topic, partition, fromOffset, toOffset }
        logger.warn(place, `Offset ${fromOffset} of ${topic}/${partition} is gone: going on at ${toOffset}`)
        this.#emit({ type: 'skipped', ...place })
      },
      failed: (error) => this.#fail(error),
    })
    this.#membership = new Membership({
      cluster,
      use: `${this.#use} group`,
      groupId: options.groupId,
      instanceId: options.groupInstanceId ?? null,
      topics: options.topics,
      assignor: options.assignor ?? evenAssignor,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 1_000,
      rebalanceTimeoutMs: this.#rebalanceTimeoutMs,
      gained: (partitions, signal) => this.#gained(partitions, signal),
      giveUp: (partitions) => this.#revoke(partitions),
      lost: (partitions) => this.#lose(partitions),
    })
    this.events$ = new Observable((subscriber) => {
      if (this.#subscriber) {
        subscriber.error(new RivuletError('INTERNAL', 'A Kafka consumer takes one subscriber'))
        return
      }
      this.#subscriber = subscriber
      this.#running = this.#membership.run().catch((error) => this.#fail(error))
      subscriber.add(() => void this.#stop())
    })
  }

  get #rebalanceTimeoutMs(): number {
    return this.#options.rebalanceTimeoutMs ?? 60_000
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.resume(partitions)
  }

  seek(topic: string, partition: number, offset: number): void {
    this.#fetcher.seek({ topic, partition }, offset)
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return
    const { groupId } = this.#options
    const what = `Can't commit for group ${groupId}`
    const { leaderEpochs } = this.#cluster
    const known = offsets.map((each) => ({ ...each, leaderEpoch: leaderEpochs.before(each, each.offset) }))
    // Not the membership's connection: a join blocks that one, while what stays assigned goes on.
    const use = `${this.#use} commit`
    const attempt = async () => {
      const identity = this.#identityFor(offsets, what)
      await this.#cluster.withCoordinator({ type: 'group', key: groupId }, use, what, (link) =>
        link.send(offsetCommitRequest({ groupId, ...identity }, known)),
      )
    }
    await persist(attempt, {
      kafka: this.#cluster.options,
      signal: this.#stopped.signal,
      retryable: (error) => isRetryable(error) || isBetweenGenerations(error),
    })
  }

  enforceRebalance(): void {
    this.#membership.rejoin()
  }

  async close(): Promise<void> {
    if (this.#closing) return this.#running
    this.#closing = true
    const partitions = [...this.#announced.values()]
    if (this.#subscriber && partitions.length > 0) await this.#revoke(partitions)
    await this.#stop()
    this.#subscriber?.complete()
  }

  #identityFor(offsets: readonly PartitionOffset[], what: string) {
    const { identity } = this.#membership
    const foreign = offsets.find((of) => !this.#membership.owns(of))
    if (identity && !foreign) return identity
    const { topic, partition, offset } = foreign ?? (offsets[0] as PartitionOffset)
    throw new RivuletError(
      'KAFKA_FENCED',
      `${what}: partition ${partition} of ${topic} is not this member's`,
      {
        place: { topic, partition, offset },
      },
    )
  }

  async #gained(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<() => void> {
    const { groupId, startAt = 'earliest' } = this.#options
    // Settled ones might be long in coming: a predecessor's open transaction ends when it is fenced, which comes behind this.
    const committed = await fetchCommitted(this.#cluster, groupId, partitions, {
      use: `${this.#use} commit`,
      signal,
    })
    return () => {
      if (this.#closing || this.#stopped.signal.aborted) return
      for (const { topic, partition } of committed) {
        this.#announced.set(keyOf({ topic, partition }), { topic, partition })
      }
      // Added before the event, so that its handler can seek and pause; nothing is fetched before it returns.
      for (const { topic, partition, offset } of committed)
        this.#fetcher.add({ topic, partition }, offset ?? startAt)
      this.#emit({
        type: 'assigned',
        partitions: committed.map(({ topic, partition, offset, metadata }) => ({
          topic,
          partition,
          committedOffset: offset,
          committedMetadata: metadata,
        })),
      })
    }
  }

  /** Resolves when the subscriber is done with them, or has had its time. */
  async #revoke(gone: readonly TopicPartition[]): Promise<void> {
    const partitions = this.#forget(gone)
    if (partitions.length === 0) return
    const { clock, logger } = this.#cluster.options
    const settled = abortedWith(this.#stopped.signal)
    const done = new Promise<'done'>((resolve) => {
      this.#emit({ type: 'revoking', partitions, done: () => resolve('done') })
    })
    const late = clock.sleep(this.#rebalanceTimeoutMs, settled.signal)
    const outcome = await Promise.race([done, late.catch(() => 'done' as const)])
    settled.abort()
    if (outcome === 'done') return
    logger.warn(
      { partitions },
      `Flushing took longer than ${this.#rebalanceTimeoutMs} ms: what was not committed is done again elsewhere`,
    )
    this.#emit({ type: 'lost', partitions })
  }

  #lose(gone: readonly TopicPartition[]): void {
    const partitions = this.#forget(gone)
    if (partitions.length === 0) return
    this.#cluster.options.logger.warn(
      { partitions },
      `Group ${this.#options.groupId} has given this member's partitions away: it was not heard of in time`,
    )
    this.#emit({ type: 'lost', partitions })
  }

  /** From now on nothing of them is emitted. */
  #forget(gone: readonly TopicPartition[]): TopicPartition[] {
    this.#fetcher.remove(gone)
    return gone.filter((of) => this.#announced.delete(keyOf(of)))
  }

  #emit(event: ConsumerEvent): void {
    this.#subscriber?.next(event)
  }

  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return
    const failure = translate(error, `Group ${this.#options.groupId} failed`)
    this.#cluster.options.logger.debug(messageOf(failure))
    this.#subscriber?.error(failure)
  }

  async #stop(): Promise<void> {
    if (!this.#stopped.signal.aborted) {
      this.#fetcher.stop()
      this.#stopped.abort()
      await this.#membership.leave()
      this.#cluster.closeUse(this.#use)
    }
    await this.#running
  }
}

/** The member is just joining a new generation: what stays its own can be committed when it has. */
function isBetweenGenerations(error: unknown): boolean {
  const type = kafkaErrorType(error)
  return type === 'REBALANCE_IN_PROGRESS' || type === 'ILLEGAL_GENERATION'
}
