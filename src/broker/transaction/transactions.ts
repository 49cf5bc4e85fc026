import type { Subscription } from 'rxjs'
import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { CommittedOffset, CommittedOffsets } from '../group/offsets.ts'
import type { Outcome } from '../log/control-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Change, LogPosition, StateTable } from '../state/state-table.ts'
import type { Topics } from '../topic/topics.ts'
import type { ProducerIds } from './producer-ids.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

const offsetsOfGroup = v.object({
  topic: v.string(),
  partition: v.number(),
  offset: v.number(),
  leaderEpoch: v.exactOptional(v.number()),
  metadata: v.nullable(v.string()),
})
const stored = v.object({
  producerId: v.number(),
  producerEpoch: v.number(),
  timeoutMs: v.number(),
  /** `commit` and `abort` are decided, but their markers may not all be written. */
  status: v.picklist(['empty', 'open', 'commit', 'abort', 'committed', 'aborted']),
  startedAtMs: v.number(),
  /** Once it is decided, with where they ended then. */
  partitions: v.array(
    v.object({ topic: v.string(), partition: v.number(), endOffset: v.optional(v.number()) }),
  ),
  groups: v.array(v.string()),
  offsets: v.array(v.tuple([v.string(), v.array(offsetsOfGroup)])),
})
export type Transaction = Readonly<v.InferOutput<typeof stored>>

const prefix = 'transaction/'
const epochMax = 0x7fff

export interface TransactionsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly state: StateTable
  readonly topics: Topics
  readonly offsets: CommittedOffsets
  readonly producerIds: ProducerIds
  readonly transactionTimeoutMsMax: number
  /** Resolves when what was written to `logs` and to the broker's state is durable enough to be built upon. */
  readonly durable: (logs: readonly PartitionLog[]) => Promise<void> | undefined
}

/**
 * Kafka's transaction coordinator: who owns each `transactional.id`, what its open transaction has touched, and how
 * it ends. Every method throws a `KafkaError` with the code that Kafka gives to these API versions: a fenced or
 * expired producer gets `INVALID_PRODUCER_EPOCH`.
 */
export class Transactions {
  readonly #options: TransactionsOptions
  readonly #transactions = new Map<string, Transaction>()
  readonly #timers = new Map<string, Subscription>()
  readonly #finishing = new Set<string>()

  constructor(options: TransactionsOptions) {
    this.#options = options
    for (const [id, value] of options.state.entries(prefix))
      this.#transactions.set(id, v.parse(stored, value))
  }

  /** After a start: ends what had been decided, aborts what nobody can end any more, and times the rest. */
  async recover(): Promise<void> {
    for (const [id, transaction] of this.#transactions) {
      if (transaction.status === 'open') this.#startTimer(id, transaction)
      if (transaction.status === 'commit' || transaction.status === 'abort') await this.#finish(id)
    }
    this.#abortHanging()
  }

  /** Source: Kafka `InitProducerId`: fences earlier owners of the id, and aborts what they left open. */
  async init(transactionalId: string | null, timeoutMs: number): Promise<ProducerIdentity> {
    const { producerIds, transactionTimeoutMsMax } = this.#options
    if (transactionalId === null) return { producerId: producerIds.next(), producerEpoch: 0 }
    if (transactionalId === '') throw new KafkaError(errorCodes.invalidRequest, 'an empty transactional id')
    if (timeoutMs <= 0 || timeoutMs > transactionTimeoutMsMax) {
      const message = `${timeoutMs} ms is not within 1 to ${transactionTimeoutMsMax}`
      throw new KafkaError(errorCodes.invalidTransactionTimeout, message)
    }
    const before = this.#transactions.get(transactionalId)
    this.#refuseWhileEnding(before)
    const fenced = before && before.producerEpoch + 1 < epochMax
    const identity = fenced
      ? { producerId: before.producerId, producerEpoch: before.producerEpoch + 1 }
      : { producerId: producerIds.next(), producerEpoch: 0 }
    if (before?.status === 'open') {
      await this.#end(transactionalId, { ...before, producerEpoch: before.producerEpoch + 1 }, 'abort')
    }
    this.#save(transactionalId, { ...noTransaction, ...identity, timeoutMs, status: 'empty' })
    return identity
  }

  addPartitions(producer: TransactionalProducer, partitions: readonly TopicPartition[]): void {
    const transaction = this.#owned(producer)
    const added = partitions.filter((partition) => !includes(transaction.partitions, partition))
    if (transaction.status === 'open' && added.length === 0) return
    this.#continue(producer.transactionalId, transaction, { partitions: added })
  }

  addGroup(producer: TransactionalProducer, group: string): void {
    const transaction = this.#owned(producer)
    if (transaction.status === 'open' && transaction.groups.includes(group)) return
    this.#continue(producer.transactionalId, transaction, { groups: [group] })
  }

  /** The offsets become the group's when the transaction is committed. */
  commitOffsets(producer: TransactionalProducer, group: string, offsets: readonly CommittedOffset[]): void {
    const transaction = this.#owned(producer)
    if (transaction.status !== 'open' || !transaction.groups.includes(group)) {
      throw new KafkaError(errorCodes.invalidTxnState, `group ${group} is not part of the transaction`)
    }
    this.#continue(producer.transactionalId, transaction, { offsets: [[group, [...offsets]]] })
  }

  /** Whether a transaction that is not over yet may commit an offset of the group there. */
  mayCommit(group: string, partition: TopicPartition): boolean {
    for (const { offsets } of this.#transactions.values())
      if (offsets.some(([of, committed]) => of === group && includes(committed, partition))) return true
    return false
  }

  /** Whether a transactional batch may be appended there. */
  checkProduce(producer: TransactionalProducer, partition: TopicPartition): void {
    const transaction = this.#owned(producer)
    if (transaction.status === 'open' && includes(transaction.partitions, partition)) return
    const place = `${partition.topic}/${partition.partition}`
    throw new KafkaError(errorCodes.invalidTxnState, `${place} is not part of the transaction`)
  }

  /** Of this transactional id, the last that there was. */
  get(transactionalId: string): Transaction | undefined {
    return this.#transactions.get(transactionalId)
  }

  all(): Iterable<readonly [transactionalId: string, Transaction]> {
    return this.#transactions
  }

  /** The decision lasts, with `fsync: always`, when this resolves: a start does the rest if need be. */
  async end(producer: TransactionalProducer, outcome: Outcome): Promise<void> {
    const { transactionalId } = producer
    let transaction = this.#toEnd(producer, outcome)
    if (!transaction) return
    const restsOn = outcome === 'commit' ? this.#positionsOf(transaction) : []
    if (outcome === 'commit') {
      await this.#options.durable(this.#logsOf(transaction))
      // The same request may have come again meanwhile.
      transaction = this.#toEnd(producer, outcome)
      if (!transaction) return
    }
    await this.#end(transactionalId, transaction, outcome, restsOn)
  }

  /** Ends what a full disk had kept from being ended. */
  async resume(): Promise<void> {
    for (const [id, { status }] of this.#transactions) {
      if ((status === 'commit' || status === 'abort') && !this.#finishing.has(id)) await this.#finish(id)
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.unsubscribe()
  }

  #owned({ transactionalId, producerId, producerEpoch }: TransactionalProducer): Transaction {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction?.producerId !== producerId) {
      throw new KafkaError(errorCodes.invalidProducerIdMapping, `${transactionalId} has another producer id`)
    }
    if (transaction.producerEpoch !== producerEpoch) {
      const message = `${transactionalId} is at epoch ${transaction.producerEpoch}, not ${producerEpoch}`
      throw new KafkaError(errorCodes.invalidProducerEpoch, message)
    }
    this.#refuseWhileEnding(transaction)
    return transaction
  }

  #refuseWhileEnding(transaction: Transaction | undefined): void {
    if (transaction?.status !== 'commit' && transaction?.status !== 'abort') return
    throw new KafkaError(errorCodes.concurrentTransactions, 'the transaction is being ended')
  }

  /** Adds to the open transaction, or begins one. */
  #continue(
    id: string,
    before: Transaction,
    added: Partial<Pick<Transaction, 'partitions' | 'groups' | 'offsets'>>,
  ): void {
    const begins = before.status !== 'open'
    const base = begins ? { ...before, ...noTransaction, startedAtMs: this.#options.clock.now() } : before
    const transaction: Transaction = {
      ...base,
      status: 'open',
      partitions: [...base.partitions, ...(added.partitions ?? [])],
      groups: [...base.groups, ...(added.groups ?? [])],
      offsets: [...base.offsets, ...(added.offsets ?? [])],
    }
    this.#save(id, transaction)
    if (begins) this.#startTimer(id, transaction)
  }

  /** The transaction, if it is still to be ended so. */
  #toEnd(producer: TransactionalProducer, outcome: Outcome): Transaction | undefined {
    const transaction = this.#owned(producer)
    const { status } = transaction
    if (status === (outcome === 'commit' ? 'committed' : 'aborted')) return undefined // An answer was lost.
    if (status === 'open') return transaction
    throw new KafkaError(errorCodes.invalidTxnState, `the transaction is ${status}`)
  }

  /** All that a transaction has written, and read. */
  #logsOf({ partitions, offsets }: Transaction): PartitionLog[] {
    return this.#options.topics.logsOf([...partitions, ...offsets.flatMap(([, ofGroup]) => ofGroup)])
  }

  #positionsOf({ partitions, offsets }: Transaction): LogPosition[] {
    const written = this.#options.topics.logsOf(partitions)
    return [
      ...written.map(({ name, endOffset }) => [name, endOffset] as const),
      ...this.#options.offsets.positionsOf(offsets.flatMap(([, ofGroup]) => ofGroup)),
    ]
  }

  async #end(
    id: string,
    transaction: Transaction,
    outcome: Outcome,
    restsOn: readonly LogPosition[] = [],
  ): Promise<void> {
    const partitions = transaction.partitions.map((each) => {
      const [log] = this.#options.topics.logsOf([each])
      return log ? { ...each, endOffset: log.endOffset } : each
    })
    this.#save(id, { ...transaction, partitions, status: outcome }, restsOn)
    this.#timers.get(id)?.unsubscribe()
    this.#timers.delete(id)
    await this.#finish(id)
  }

  /** May be repeated after it was cut short. */
  async #finish(id: string): Promise<void> {
    this.#finishing.add(id)
    try {
      await this.#writeMarkers(id)
    } finally {
      this.#finishing.delete(id)
    }
  }

  /** Writes the markers, once the decision lasts; once they last, makes the offsets the groups'. */
  async #writeMarkers(id: string): Promise<void> {
    const { state, topics, offsets, durable } = this.#options
    const restsOnState = state.log.endOffset
    await durable([])
    const decided = this.#transactions.get(id)
    if (decided?.status !== 'commit' && decided?.status !== 'abort') return
    const { status: outcome } = decided
    const marked: LogPosition[] = []
    const logs = topics.logsOf(decided.partitions.filter((each) => !this.#isOfNext(decided, each)))
    for (const log of logs) {
      log.appendMarker({ outcome, restsOnState }, decided)
      marked.push([log.name, log.endOffset])
    }
    await durable(logs)
    const status = outcome === 'commit' ? 'committed' : 'aborted'
    const ended: Transaction = { ...decided, ...noTransaction, status }
    const commits = outcome === 'commit' ? decided.offsets : []
    offsets.commit(commits, [{ key: prefix + id, value: ended }], marked)
    this.#transactions.set(id, ended)
  }

  /**
   * Whether what is open there was written by the producer's next transaction: a loss of power may have left nothing else of
   * it, and it must not be ended with this one.
   */
  #isOfNext(
    { producerId }: Transaction,
    { endOffset, ...place }: Transaction['partitions'][number],
  ): boolean {
    const openSince = this.#options.topics.logsOf([place])[0]?.producers.openSince(producerId)
    return openSince !== undefined && endOffset !== undefined && openSince >= endOffset
  }

  #startTimer(id: string, { startedAtMs, timeoutMs }: Transaction): void {
    const { clock, logger } = this.#options
    const waitMs = Math.max(0, startedAtMs + timeoutMs - clock.now())
    const expire = () => {
      const transaction = this.#transactions.get(id)
      if (transaction?.status !== 'open') return
      logger.warn({ transactionalId: id, timeoutMs }, 'Aborting a transaction that was open for too long')
      // Its owner is fenced by this.
      const fencing = { ...transaction, producerEpoch: transaction.producerEpoch + 1 }
      this.#end(id, fencing, 'abort').catch((error) => {
        logger.error({ transactionalId: id, error: String(error) }, 'Could not abort it; trying again later')
        this.#timers.set(id, clock.scheduler.schedule(expire, timeoutMs))
      })
    }
    this.#timers.set(id, clock.scheduler.schedule(expire, waitMs))
  }

  /** After a loss of power the logs may know of transactions, and of fenced producers, that the coordinator does not. */
  #abortHanging(): void {
    for (const log of this.#options.topics.logs()) {
      for (const producer of log.producers.open()) {
        const place = { topic: log.topic, partition: log.partition }
        const [id, known] =
          [...this.#transactions].find(([, each]) => each.producerId === producer.producerId) ?? []
        if (id !== undefined && known && known.producerEpoch < producer.producerEpoch)
          this.#save(id, { ...known, producerEpoch: producer.producerEpoch })
        if (known?.status === 'open' && includes(known.partitions, place)) continue
        this.#options.logger.warn({ ...place, ...producer }, 'Aborting a transaction that nobody can end')
        log.appendMarker({ outcome: 'abort', restsOnState: 0 }, producer)
      }
    }
  }

  #save(id: string, transaction: Transaction, restsOn: readonly LogPosition[] = []): void {
    this.#options.state.change([{ key: prefix + id, value: transaction }], restsOn)
    this.#transactions.set(id, transaction)
  }
}

/**
 * The changes that take all transactions back to the recovery points of the broker's state, but none of the epochs that were
 * given since: producers that are fenced remain so.
 */
export function transactionsAsOf(state: StateTable): Change[] {
  return state.changedSince(prefix).map(({ key, value }) => {
    const found = v.parse(stored, state.get(key))
    const then =
      value === undefined ? { ...found, ...noTransaction, status: 'empty' } : v.parse(stored, value)
    const { producerId, producerEpoch } = found
    return { key, value: { ...then, producerId, producerEpoch } }
  })
}

const noTransaction = { startedAtMs: 0, partitions: [], groups: [], offsets: [] }

function includes(partitions: readonly TopicPartition[], wanted: TopicPartition): boolean {
  return partitions.some(({ topic, partition }) => topic === wanted.topic && partition === wanted.partition)
}
