import { checked, required } from '../checked.ts'
import type { Serde } from '../serdes/serde.ts'
import { checkTopicName } from './topic-name.ts'

export interface TopicOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Used when the program makes the topic; default 1. An existing topic keeps its own number. */
  readonly partitions?: number
  /** Topic settings for when the program makes it, such as `{ 'cleanup.policy': 'compact' }`. */
  readonly config?: Readonly<Record<string, string>>
}

/** A Kafka topic with its types: name, serdes, and how to make it where it is missing. */
export interface Topic<K, V> extends TopicOptions<K, V> {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

/** What can be written to: a topic of strings or nulls takes strings, too. Any `Topic` of wide enough types is one. */
export interface WritableTopic<K, V> extends Omit<Topic<unknown, unknown>, 'key' | 'value'> {
  readonly key: Writer<K>
  readonly value: Writer<V>
}

/** A property, not a method: TypeScript then refuses what takes less than `T`. */
export interface Writer<T> {
  readonly name: string
  readonly serialize: (value: T) => Buffer
}

/**
 * Declares a topic. Event time may be old: unless `config` says otherwise, nothing is deleted by age. Throws
 * `BAD_TOPOLOGY` for a name or a number of partitions that no topic can have.
 */
export function topic<K, V>(name: string, options: TopicOptions<K, V>): Topic<K, V> {
  checkTopicName(name)
  const { key, value, partitions = 1 } = options
  required({ 'key serde': key, 'value serde': value }, { topic: name })
  checked({ partitions }, 1, 'BAD_TOPOLOGY', { topic: name })
  return { ...options, name, partitions, config: { 'retention.ms': '-1', ...options.config } }
}
