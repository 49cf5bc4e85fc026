import type { Subscription } from 'rxjs'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { CommittedOffset, CommittedOffsets } from '../group/offsets.ts'
import type { Outcome } from '../log/control-batch.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { StateTable } from '../state/state-table.ts'
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

const offsetsOfGroup = z.object({
  topic: z.string(),
  partition: z.number(),
  offset: z.number(),
  metadata: z.string().nullable(),
})
const stored = z.object({
  producerId: z.number(),
  producerEpoch: z.number(),
  timeoutMs: z.number(),
  /** `commit` and `abort` are decided, but their markers may not all be written. */
  status: z.enum(['empty', 'open', 'commit', 'abort', 'committed', 'aborted']),
  startedAtMs: z.number(),
  partitions: z.array(z.object({ topic: z.string(), partition: z.number() })),
  groups: z.array(z.string()),
  offsets: z.array(z.tuple([z.string(), z.array(offsetsOfGroup)])),
})
type Transaction = Readonly<z.infer<typeof stored>>

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
  /** Resolves when what was decided is durable enough for the markers to follow. */
  readonly decided: () => Promise<void> | undefined
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

  constructor(options: TransactionsOptions) {
    this.#options = options
    for (const [id, value] of options.state.entries(prefix)) this.#transactions.set(id, stored.parse(value))
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

  /** Whether a transactional batch may be appended there. */
  checkProduce(producer: TransactionalProducer, partition: TopicPartition): void {
    const transaction = this.#owned(producer)
    if (transaction.status === 'open' && includes(transaction.partitions, partition)) return
    const place = `${partition.topic}/${partition.partition}`
    throw new KafkaError(errorCodes.invalidTxnState, `${place} is not part of the transaction`)
  }

  async end(producer: TransactionalProducer, outcome: Outcome): Promise<void> {
    const transaction = this.#owned(producer)
    const { status } = transaction
    if (status === (outcome === 'commit' ? 'committed' : 'aborted')) return // An answer was lost.
    if (status !== 'open') throw new KafkaError(errorCodes.invalidTxnState, `the transaction is ${status}`)
    await this.#end(producer.transactionalId, transaction, outcome)
  }

  /** Ends what a full disk had kept from being ended. */
  async resume(): Promise<void> {
    for (const [id, { status }] of this.#transactions) {
      if (status === 'commit' || status === 'abort') await this.#finish(id)
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

  async #end(id: string, transaction: Transaction, outcome: Outcome): Promise<void> {
    this.#save(id, { ...transaction, status: outcome })
    this.#timers.get(id)?.unsubscribe()
    this.#timers.delete(id)
    await this.#finish(id)
  }

  /** Writes the markers, then makes the offsets the groups'. May be repeated after it was cut short. */
  async #finish(id: string): Promise<void> {
    await this.#options.decided()
    const transaction = this.#transactions.get(id)
    if (transaction?.status !== 'commit' && transaction?.status !== 'abort') return
    const { status: outcome, partitions, offsets } = transaction
    let left = partitions
    try {
      for (const { topic, partition } of partitions) {
        this.#options.topics.get(topic)?.partitions[partition]?.appendMarker(outcome, transaction)
        left = left.slice(1)
      }
    } finally {
      if (left.length > 0) this.#transactions.set(id, { ...transaction, partitions: left })
    }
    const ended: Transaction = {
      ...transaction,
      ...noTransaction,
      status: outcome === 'commit' ? 'committed' : 'aborted',
    }
    const change = { key: prefix + id, value: ended }
    this.#options.offsets.commit(outcome === 'commit' ? offsets : [], [change])
    this.#transactions.set(id, ended)
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

  /** After a loss of power the logs may know of transactions that the coordinator does not. */
  #abortHanging(): void {
    for (const log of this.#options.topics.logs()) {
      for (const producer of log.producers.open()) {
        const place = { topic: log.topic, partition: log.partition }
        const known = [...this.#transactions.values()].some(
          ({ status, producerId, partitions }) =>
            status === 'open' && producerId === producer.producerId && includes(partitions, place),
        )
        if (known) continue
        this.#options.logger.warn({ ...place, ...producer }, 'Aborting a transaction that nobody can end')
        log.appendMarker('abort', producer)
      }
    }
  }

  #save(id: string, transaction: Transaction): void {
    this.#options.state.change([{ key: prefix + id, value: transaction }])
    this.#transactions.set(id, transaction)
  }
}

const noTransaction = { startedAtMs: 0, partitions: [], groups: [], offsets: [] }

function includes(partitions: readonly TopicPartition[], wanted: TopicPartition): boolean {
  return partitions.some(({ topic, partition }) => topic === wanted.topic && partition === wanted.partition)
}
