import { isRetryable, RivuletError } from '../errors.ts'
import { Appender, checkRecords } from './appender.ts'
import type { Cluster } from './cluster.ts'
import type { Broker } from './internals.ts'
import { txnOffsetCommitRequest } from './offset-requests.ts'
import { persist } from './persist.ts'
import { TransactionMembers } from './transaction-members.ts'
import { isUnanswered } from './translate.ts'
import type {
  PartitionOffset,
  TopicPartition,
  TransactionalProducer,
  TransactionalProducerOptions,
} from './types.ts'

/**
 * Right after a commit, its markers are still being written and Kafka refuses the next transaction for some
 * milliseconds (CONCURRENT_TRANSACTIONS): what waits for it adds to each latency, so ask again soon.
 */
const concurrentTransactionWaitMs = 1

/** `initProducerId` raises the epoch: that fences the last owner of the id and aborts what it left open. */
export async function createTransactionalProducer(
  cluster: Cluster,
  options: TransactionalProducerOptions,
): Promise<TransactionalProducer> {
  const { transactionalId, signal } = options
  const use = `transactions ${transactionalId}`
  const coordinate: Coordinate = (what, work, { retryable, unanswered } = {}) =>
    persist(
      () =>
        cluster
          .withCoordinator({ type: 'transaction', key: transactionalId }, use, what, (link) =>
            work(link.broker),
          )
          .catch((error) => {
            if (isUnanswered(error)) unanswered?.(error)
            throw error
          }),
      {
        kafka: cluster.options,
        signal,
        initialMs: concurrentTransactionWaitMs,
        ...(retryable && { retryable }),
      },
    )
  const identity = await coordinate(`Can't take over ${transactionalId}`, (broker) =>
    broker.initProducerId({ transactionalId, transactionTimeout: options.transactionTimeoutMs ?? 60_000 }),
  )
  return new OpenTransactions(cluster, options, use, { ...identity, transactionalId }, coordinate)
}

type Coordinate = <T>(
  what: string,
  work: (broker: Broker) => Promise<T>,
  options?: {
    readonly retryable?: (error: unknown) => boolean
    /** Told of each try whose answer did not come. */
    readonly unanswered?: (error: unknown) => void
  },
) => Promise<T>

interface Producer {
  readonly transactionalId: string
  readonly producerId: string
  readonly producerEpoch: number
}

class OpenTransactions implements TransactionalProducer {
  readonly transactionalId: string
  readonly #cluster: Cluster
  readonly #use: string
  readonly #signal: AbortSignal | undefined
  readonly #producer: Producer
  readonly #coordinate: Coordinate
  readonly #appender: Appender
  readonly #members: TransactionMembers
  readonly #pending = new Set<Promise<unknown>>()
  #failure: RivuletError | undefined
  /**
   * A request of this epoch that was never answered: it may still be heard, in whatever transaction is open by then. So no
   * other transaction is begun, and the epoch is raised by whoever takes over. Source: KIP-890.
   */
  #unanswered: unknown

  constructor(
    cluster: Cluster,
    options: TransactionalProducerOptions,
    use: string,
    producer: Producer,
    coordinate: Coordinate,
  ) {
    this.transactionalId = producer.transactionalId
    this.#cluster = cluster
    this.#use = use
    this.#signal = options.signal
    this.#producer = producer
    this.#coordinate = coordinate
    this.#members = new TransactionMembers({
      transactionalId: producer.transactionalId,
      checkOpen: (what) => this.#checkOpen(what),
      coordinate: (what, ask, retrying) =>
        coordinate(what, ask, { ...retrying, unanswered: this.#noteUnanswered }),
      addPartitions: (topics) => (broker) => broker.addPartitionsToTxn({ ...producer, topics }),
      addOffsets: (groupId) => (broker) => broker.addOffsetsToTxn({ ...producer, groupId }),
    })
    this.#appender = new Appender({
      cluster,
      use,
      transactionalId: producer.transactionalId,
      compression: options.compression,
      bytesInFlightMax: Number.POSITIVE_INFINITY, // the transaction's size is its owner's bound
      signal: options.signal,
      identity: async () => producer,
      prepare: (of) => this.#prepare(of, options.groupId),
    })
  }

  async send(...[topic, partition, records, refused]: Parameters<TransactionalProducer['send']>) {
    checkRecords(topic, partition, records)
    return this.#track(this.#appender.append(topic, partition, records, refused))
  }

  sendOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
    return this.#track(this.#sendOffsets(groupId, offsets))
  }

  async commit(): Promise<void> {
    await Promise.allSettled(this.#pending)
    if (this.#failure) throw this.#failure
    await this.#end(true)
  }

  async abort(): Promise<void> {
    await Promise.allSettled(this.#pending)
    await this.#end(false)
    this.#failure = undefined
  }

  async close(): Promise<void> {
    try {
      await this.abort()
    } catch (error) {
      // Fenced: then the new owner has ended the transaction already.
      if (!(error instanceof RivuletError && error.code === 'KAFKA_FENCED')) throw error
    } finally {
      this.#cluster.closeUse(this.#use)
    }
  }

  async #end(committed: boolean): Promise<void> {
    if (this.#members.isEmpty) return
    const what = `Can't ${committed ? 'commit' : 'abort'} the transaction of ${this.transactionalId}`
    await this.#coordinate(
      what,
      (broker) => broker.endTxn({ ...this.#producer, transactionResult: committed }),
      { retryable: (error) => isRetryable(error) && !isUnanswered(error) },
    ).catch((error) => {
      throw isUnanswered(error) ? unknownEnd(what, error) : error
    })
    this.#members.clear()
  }

  #prepare(of: TopicPartition, groupId: string | undefined): Promise<unknown> {
    const isFirst = this.#members.isEmpty
    const added = this.#members.addPartition(of)
    // Behind the partitions that are written to at the same time: those keep records waiting.
    if (isFirst && groupId !== undefined)
      this.#track(this.#members.addOffsets(groupId)).catch(() => undefined) // the commit rejects
    return added
  }

  async #sendOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
    await this.#members.addOffsets(groupId)
    const { leaderEpochs } = this.#cluster
    const known = offsets.map((each) => ({ ...each, leaderEpoch: leaderEpochs.before(each, each.offset) }))
    const what = `Can't commit offsets of group ${groupId} in a transaction`
    await persist(
      () =>
        this.#cluster
          .withCoordinator({ type: 'group', key: groupId }, this.#use, what, (link) =>
            link.send(txnOffsetCommitRequest({ ...this.#producer, groupId }, known)),
          )
          .catch((error) => {
            if (isUnanswered(error)) this.#noteUnanswered(error)
            throw error
          }),
      { kafka: this.#cluster.options, signal: this.#signal },
    )
  }

  readonly #noteUnanswered = (error: unknown) => {
    this.#unanswered ??= error
  }

  /** Within the transaction in which an answer was missed, a request may be repeated: it says the same. */
  #checkOpen(what: string): void {
    if (this.#unanswered !== undefined && this.#members.isEmpty) throw unknownEnd(what, this.#unanswered)
  }

  /** What fails makes the whole transaction fail: it can only be aborted. */
  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.catch((error) => {
      this.#failure ??= error
      throw error
    })
    this.#pending.add(tracked)
    const settled = () => this.#pending.delete(tracked)
    tracked.then(settled, settled)
    return tracked
  }
}

/** To its owner the same as if somebody else had taken over: what was committed is asked again, by the next epoch. */
function unknownEnd(what: string, cause: unknown): RivuletError {
  const message = `${what}: an answer never came, so what it was about may still happen`
  return new RivuletError('KAFKA_FENCED', message, { cause })
}
