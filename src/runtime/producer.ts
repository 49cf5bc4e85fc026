import { checked } from '../checked.ts'
import { type Clock, systemClock } from '../clock.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { checkRecords } from '../kafka/appender.ts'
import { partitionFor } from '../kafka/partitioner.ts'
import type { Kafka, KafkaProducer, OutgoingRecords, TopicPartition } from '../kafka/types.ts'
import type { Headers } from '../records/chunk.ts'
import type { Topic } from '../stream/topic.ts'
import { Destination } from './destination.ts'
import { OutgoingColumns } from './outgoing-columns.ts'
import { OutgoingTopic } from './outgoing-topic.ts'

/** A record as a program writes it. */
export interface ProducerRecord<K, V> {
  /** Null: it has none, and may go to any partition. */
  readonly key: K | null
  /** Null: whoever reads the topic as a table has no row of that key any more. */
  readonly value: V | null
  /** Event time, ms since the epoch. Default: now. */
  readonly timestampMs?: number
  /** Absent: none. */
  readonly headers?: Headers
  /** Default: the key's, as Kafka's default partitioner chooses it. */
  readonly partition?: number
}

/** How a producer names the topic, and how much may wait. */
export interface TopicProducerOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Put before the topic's name, as in the environment of `run`. */
  readonly topicPrefix?: string
  /** Records that were given to `send` and are not acknowledged; with so many, `send` takes no more. Default 20,000. */
  readonly recordsUnsentMax?: number
}

interface Batch extends TopicPartition {
  readonly records: OutgoingRecords
}

/** Writes to one topic. Made by `producer`. */
export class TopicProducer<K, V> {
  readonly #kafka: Kafka
  readonly #topic: Topic<K, V>
  readonly #clock: Clock
  readonly #recordsUnsentMax: number
  readonly #producer: KafkaProducer
  readonly #destination: Destination<K, V>
  readonly #sending = new Set<Promise<void>>()
  #opening: Promise<void> | undefined
  #records = 0
  #keyless: number
  #isClosed = false

  constructor(kafka: Kafka, topic: Topic<K, V>, options: TopicProducerOptions) {
    const { clock = systemClock, topicPrefix = '', recordsUnsentMax = 20_000 } = options
    checked({ recordsUnsentMax }, 1, 'BAD_CONFIG')
    this.#kafka = kafka
    this.#topic = topic
    this.#clock = clock
    this.#recordsUnsentMax = recordsUnsentMax
    this.#producer = kafka.producer({ compression: topic.compression ?? 'none' })
    // Anywhere: programs that write one record each must not all write to the first partition.
    this.#keyless = Math.floor(clock.random() * 2 ** 31)
    this.#destination = new Destination(new OutgoingTopic(`${topicPrefix}${topic.name}`), topic)
  }

  /**
   * Writes records, each once, and resolves when all in-sync replicas have them. In a partition they stand in the order
   * of the calls, and of the array. Those without key go to one partition, all of a call; the next call takes the next
   * partition. Faults that may pass are retried for ever.
   *
   * Rejects with a `RivuletError` with the place: `ENCODE_FAILED` for a record that can't be written, `BUFFER_FULL` when
   * too many wait already (wait for what was sent before) and `KAFKA_FAILED` when it is closed: nothing of the call is
   * written then. `KAFKA_FAILED` also when Kafka refuses records: then others of the call may be written.
   */
  async send(records: ProducerRecord<K, V> | readonly ProducerRecord<K, V>[]): Promise<void> {
    this.#checkOpen()
    const list = 'key' in records ? [records] : records
    const sending = this.#send(list)
    this.#records += list.length
    this.#sending.add(sending)
    try {
      await sending
    } finally {
      this.#sending.delete(sending)
      this.#records -= list.length
    }
  }

  /** Takes nothing more; resolves when what was sent is acknowledged, or refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#sending)
    await this.#producer.close()
  }

  #checkOpen(): void {
    const { name } = this.#destination.topic
    if (this.#isClosed) {
      throw new RivuletError('KAFKA_FAILED', `the producer of "${name}" is closed`, {
        place: { topic: name },
      })
    }
    if (this.#records < this.#recordsUnsentMax) return
    const message = `${this.#records} records for "${name}" wait for Kafka: wait for what was sent before`
    throw new RivuletError('BUFFER_FULL', message, { retryable: true, place: { topic: name } })
  }

  async #send(records: readonly ProducerRecord<K, V>[]): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
    const batches = this.#batchesOf(records)
    for (const batch of batches) checkRecords(batch.topic, batch.partition, batch.records)
    const sent = await Promise.allSettled(
      batches.map(({ topic, partition, records }) => this.#producer.send(topic, partition, records)),
    )
    for (const result of sent) if (result.status === 'rejected') throw result.reason
  }

  /** Makes the topic where it is missing, and lets its serdes prepare. What fails is tried again by the next call. */
  async #open(): Promise<void> {
    const { topic } = this.#destination
    const { partitions, config } = this.#topic
    try {
      const counts = await this.#kafka.admin.ensureTopics([{ name: topic.name, partitions, config }])
      await this.#destination.prepare()
      topic.partitions = counts.get(topic.name)
    } catch (error) {
      this.#opening = undefined
      if (error instanceof RivuletError) throw error
      const message = `"${topic.name}" can't be written to: ${messageOf(error)}`
      throw new RivuletError('ENCODE_FAILED', message, {
        cause: error,
        retryable: true,
        place: { topic: topic.name },
      })
    }
  }

  /** Serialized, by partition. */
  #batchesOf(records: readonly ProducerRecord<K, V>[]): Batch[] {
    const { topic } = this.#destination
    const byPartition = new Map<number, OutgoingColumns>()
    const nowMs = this.#clock.now()
    const keyless = this.#keyless++
    records.forEach((record, i) => {
      try {
        const { headers, timestampMs = nowMs } = record
        const key = this.#destination.encodeKey(record.key, headers)
        const value = this.#destination.encodeValue(record.value, headers)
        const partition = this.#partitionOf(record, key, keyless)
        const columns = byPartition.get(partition) ?? new OutgoingColumns(topic.name, partition)
        byPartition.set(partition, columns)
        columns.push(key, value, timestampMs, headers)
      } catch (error) {
        const message = `record ${i} for "${topic.name}" can't be written: ${messageOf(error)}`
        throw new RivuletError('ENCODE_FAILED', message, { cause: error, place: { topic: topic.name } })
      }
    })
    return [...byPartition].map(([partition, columns]) => ({
      topic: topic.name,
      partition,
      records: columns.take(),
    }))
  }

  #partitionOf({ partition }: ProducerRecord<K, V>, key: Buffer | null, keyless: number): number {
    const partitions = this.#destination.topic.partitions as number
    if (partition === undefined) return partitionFor(key, partitions, keyless)
    if (Number.isSafeInteger(partition) && partition >= 0 && partition < partitions) return partition
    throw new RangeError(`there is no partition ${partition}, the topic has ${partitions}`)
  }
}

/**
 * Writes to a topic from a program that is no topology. The topic is made before the first record where it is missing,
 * as `run` would make it; one that exists keeps its partitions and settings.
 *
 * Source: Kafka's `KafkaProducer`, with its default partitioner.
 *
 * @example
 * ```ts
 * const orders = producer(kafka, topic('orders', { key: serdes.string, value: serdes.json<Order>() }))
 * await orders.send({ key: 'ann', value: { item: 'book', amount: 12 } })
 * await orders.close()
 * ```
 */
export function producer<K, V>(
  kafka: Kafka,
  topic: Topic<K, V>,
  options: TopicProducerOptions = {},
): TopicProducer<K, V> {
  return new TopicProducer(kafka, topic, options)
}
