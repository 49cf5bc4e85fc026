import { checked, oneOf, required } from '../checked.ts'
import { type Compression, compressions } from '../compression/compression.ts'
import type { Serde } from '../serdes/serde.ts'
import { checkTopicName } from './topic-name.ts'

/** How a topic is written, and how it is made. */
export interface TopicOptions<K, V> {
  /** How keys are written. Null keys are no matter of a serde, unless it is `nullable`. */
  readonly key: Serde<K>
  /** How values are written. Null values (tombstones) are no matter of a serde, unless it is `nullable`. */
  readonly value: Serde<V>
  /** Used when the program makes the topic; default 1. An existing topic keeps its own number. */
  readonly partitions?: number
  /** Topic settings for when the program makes it, such as `{ 'cleanup.policy': 'compact' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** How what is written to it is compressed; default: the environment's. Whatever is read may be compressed in any way. */
  readonly compression?: Compression
}

/** A Kafka topic with its types: name, serdes, and how to make it where it is missing. */
export interface Topic<K, V> extends TopicOptions<K, V> {
  /** As it is declared: the environment's `topicPrefix` comes before it in Kafka. */
  readonly name: string
  /** When the program makes the topic. An existing one keeps its own number. */
  readonly partitions: number
  /** When the program makes the topic: `retention.ms` is -1 where it is not said. */
  readonly config: Readonly<Record<string, string>>
}

/** What can be written to: a topic of strings or nulls takes strings, too. Any `Topic` of wide enough types is one. */
export interface WritableTopic<K, V> extends Omit<Topic<unknown, unknown>, 'key' | 'value'> {
  /** How keys are written. */
  readonly key: Writer<K>
  /** How values are written. */
  readonly value: Writer<V>
}

/** The writing half of a serde. (A property, not a method: TypeScript then refuses what takes less than `T`.) */
export interface Writer<T> {
  /** Said in errors. */
  readonly name: string
  /** Throws `ENCODE_FAILED` for a value that does not fit. */
  readonly serialize: (value: T) => Buffer
}

/**
 * Declares a topic. Event time may be old: unless `config` says otherwise, nothing is deleted by age. Throws
 * `BAD_TOPOLOGY` for a name or a number of partitions that no topic can have.
 *
 * @example
 * ```ts
 * const orders = topic('orders', { key: serdes.string, value: serdes.json<Order>(), partitions: 12 })
 * const supply = topic('supply', { key: serdes.string, value: serdes.long, config: { 'cleanup.policy': 'compact' } })
 * ```
 */
export function topic<K, V>(name: string, options: TopicOptions<K, V>): Topic<K, V> {
  checkTopicName(name)
  const { key, value, partitions = 1, compression = 'none' } = options
  required({ 'key serde': key, 'value serde': value }, { topic: name })
  checked({ partitions }, 1, 'BAD_TOPOLOGY', { topic: name })
  oneOf({ compression }, compressions, { topic: name })
  return { ...options, name, partitions, config: { 'retention.ms': '-1', ...options.config } }
}
