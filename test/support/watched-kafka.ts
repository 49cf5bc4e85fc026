import { defer, finalize, from, merge, type Observable, Subject, switchMap } from 'rxjs'
import type {
  ConsumerEvent,
  ConsumerOptions,
  Fetched,
  Kafka,
  KafkaConsumer,
  ReadRange,
  TransactionalProducer,
  TransactionalProducerOptions,
} from '../../src/kafka/types.ts'

/** What can be made to wait: making a task's producer, closing it, reading a partition without a group. */
type Step = 'make producer' | 'close producer' | 'read'

interface Gate {
  readonly passed: Promise<void>
  readonly open: () => void
}

/** A Kafka that shows what is open, holds up what a test wants to last, and whose group says what a test wants. */
export class WatchedKafka implements Kafka {
  /** Comes to the consumers as if the group had sent it. */
  readonly group$ = new Subject<ConsumerEvent>()
  /** Reads that somebody listens to. */
  reads = 0
  /** Transactional producers that were made and not closed. */
  producers = 0
  /** Transactional producers that are being made. */
  making = 0
  readonly #kafka: Kafka
  readonly #gates = new Map<Step, Gate>()

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  get admin() {
    return this.#kafka.admin
  }

  /** From now on it lasts, until the answer is called. */
  hold(step: Step): () => void {
    let open = () => {}
    const passed = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#gates.set(step, { passed, open })
    return () => {
      this.#gates.delete(step)
      open()
    }
  }

  producer(options?: Parameters<Kafka['producer']>[0]) {
    return this.#kafka.producer(options)
  }

  async transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer> {
    this.making++
    await this.#pass('make producer')
    const producer = await this.#kafka.transactionalProducer(options)
    this.making--
    this.producers++
    let isOpen = true
    return {
      transactionalId: producer.transactionalId,
      send: (topic, partition, records) => producer.send(topic, partition, records),
      sendOffsets: (groupId, offsets) => producer.sendOffsets(groupId, offsets),
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: async () => {
        await this.#pass('close producer')
        if (isOpen) this.producers--
        isOpen = false
        await producer.close()
      },
    }
  }

  consumer(options: ConsumerOptions): KafkaConsumer {
    const consumer = this.#kafka.consumer(options)
    return {
      events$: merge(consumer.events$, this.group$),
      pause: (partitions) => consumer.pause(partitions),
      resume: (partitions) => consumer.resume(partitions),
      seek: (topic, partition, offset) => consumer.seek(topic, partition, offset),
      enforceRebalance: () => consumer.enforceRebalance(),
      commit: (offsets) => consumer.commit(offsets),
      close: () => consumer.close(),
    }
  }

  read(topic: string, partition: number, range: ReadRange): Observable<Fetched> {
    return defer(() => {
      this.reads++
      return from(this.#pass('read')).pipe(switchMap(() => this.#kafka.read(topic, partition, range)))
    }).pipe(
      finalize(() => {
        this.reads--
      }),
    )
  }

  close(): Promise<void> {
    return this.#kafka.close()
  }

  async #pass(step: Step): Promise<void> {
    await this.#gates.get(step)?.passed
  }
}
