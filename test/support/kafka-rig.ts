import { vi } from 'vitest'
import { type BrokerOptions, type EmbeddedBroker, startBroker } from '../../src/broker/index.ts'
import { systemClock } from '../../src/clock.ts'
import { connectKafka, partitionFor } from '../../src/kafka/kafka.ts'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { type PlainRecord, recordsOf } from '../../src/records/chunk.ts'
import { type Environment, type Running, run } from '../../src/runtime/run.ts'
import { decodeChunk } from '../../src/serdes/decode-chunk.ts'
import type { Topic } from '../../src/stream/topic.ts'
import type { Topology } from '../../src/stream/topology.ts'

/** An embedded broker in memory, with what tests of the runtime need; everything is closed in the end. */
export class KafkaRig {
  readonly broker: EmbeddedBroker
  readonly kafka: Kafka
  readonly #running = new Set<Running>()

  constructor(broker: EmbeddedBroker) {
    this.broker = broker
    this.kafka = connectKafka({
      brokers: broker.brokers,
      clientId: 'test',
      clock: systemClock,
      logger: silentLogger,
    })
  }

  static async start(options: BrokerOptions = {}): Promise<KafkaRig> {
    return new KafkaRig(await startBroker(options))
  }

  run(topology: Topology, environment: Partial<Environment> = {}): Running {
    const running = run(topology, { kafka: this.kafka, logger: silentLogger, ...environment })
    this.#running.add(running)
    running.done.catch(() => undefined).finally(() => this.#running.delete(running))
    return running
  }

  /** Writes the records to where their keys say, making the topic with so many partitions. */
  async produce<K, V>(
    topic: Topic<K, V>,
    records: readonly PlainRecord<K, V>[],
    partitions = topic.partitions,
  ) {
    await this.kafka.admin.ensureTopics([{ name: topic.name, partitions, config: topic.config }])
    const count = (await this.kafka.admin.partitionCounts([topic.name])).get(topic.name) ?? 1
    const columns = Array.from({ length: count }, () => ({
      keys: [] as (Buffer | null)[],
      values: [] as (Buffer | null)[],
      timestampsMs: [] as number[],
    }))
    for (const { key, value, timestampMs } of records) {
      const keyBytes = key === null ? null : topic.key.serialize(key)
      const column = columns[partitionFor(keyBytes, count)]
      column?.keys.push(keyBytes)
      column?.values.push(value === null ? null : topic.value.serialize(value))
      column?.timestampsMs.push(timestampMs)
    }
    const producer = this.kafka.producer()
    await Promise.all(columns.map((column, partition) => producer.send(topic.name, partition, column)))
    await producer.close()
  }

  /** All that can be read of a topic now, partition after partition. */
  async read<K, V>({ name, key, value }: Pick<Topic<K, V>, 'name' | 'key' | 'value'>) {
    const records: (PlainRecord<K, V> & { partition: number })[] = []
    for (const { partition, endOffset } of await this.kafka.admin.offsets(name)) {
      await new Promise<void>((resolve, reject) => {
        this.kafka.read(name, partition, { toOffset: endOffset }).subscribe({
          next({ chunk }) {
            const decoded = decodeChunk(chunk, { key, value, tombstones: true }).chunk
            for (const record of recordsOf(decoded))
              records.push({ ...(record as PlainRecord<K, V>), partition })
          },
          error: reject,
          complete: resolve,
        })
      })
    }
    return records
  }

  /** Resolves when the instances have worked off everything in the topics, and committed it. */
  async workedOff(runnings: readonly Running[], topics: readonly string[]): Promise<void> {
    await vi.waitFor(
      async () => {
        const partitions = runnings.flatMap((running) => running.status().partitions)
        for (const topic of topics) {
          for (const { partition, endOffset } of await this.kafka.admin.offsets(topic)) {
            const at = partitions.find((each) => each.topic === topic && each.partition === partition)
            if ((at?.committed ?? -1) < endOffset)
              throw new Error(`${topic}/${partition} is at ${at?.committed} of ${endOffset}`)
          }
        }
      },
      { timeout: 20_000, interval: 20 },
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop().catch(() => undefined)))
    await this.kafka.close()
    await this.broker.close()
  }
}

/** What each key has had, in order. */
export function byKey<V>(
  records: readonly PlainRecord<unknown, V>[],
): Record<string, (readonly [value: V, timestampMs: number])[]> {
  const grouped: Record<string, (readonly [V, number])[]> = {}
  for (const { key, value, timestampMs } of records) {
    const name = JSON.stringify(key)
    grouped[name] = [...(grouped[name] ?? []), [value, timestampMs]]
  }
  return grouped
}
