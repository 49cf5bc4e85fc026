import { RivuletError } from '../errors.ts'
import { nullable, serdes } from '../serdes/serdes.ts'
import { TopologyBuilder } from './builder.ts'
import type { GraphNode, TimestampExtractor } from './graph.ts'
import type { DeadLetter, Source } from './source.ts'
import { Stream } from './stream.ts'
import { type Topic, topic } from './topic.ts'

/** A declared topology: a value that can be described, compared, driven by a test, or run. */
export interface Topology {
  /** Kafka Streams' `application.id`: prefix of its own topics, and the consumer group. */
  readonly name: string
  readonly nodes: readonly GraphNode[]
}

export interface SourceOptions<T, K> {
  /** The record's key; default: none. */
  readonly key?: (value: T) => K
  /** Event time in ms since the epoch; default: the wall clock's. */
  readonly timestampMs?: (value: T) => number
  /** Where what the source could not decode goes; default: the topic `<source's name>-dead-letters`. */
  readonly deadLetters?: string
}

export interface StreamOptions<K, V> {
  readonly name?: string
  /** Takes event time from the record; a negative answer drops the record, counted. Default: Kafka's timestamp. */
  readonly timestampMs?: (value: V, key: K, recordTimestampMs: number) => number
}

/** What a topology is declared with. Source: Kafka Streams `StreamsBuilder`. */
export interface Declare {
  /** Any observable as the beginning of a path: a socket, a file, a timer. What it emits has no partition yet. */
  source<T, K = null>(name: string, source: Source<T>, options?: SourceOptions<T, K>): Stream<K, T>
  /** The records of a topic, each a fact of its own. */
  stream<K, V>(topic: Topic<K, V>, options?: StreamOptions<K, V>): Stream<K, V>
}

/** Declares a topology; nothing runs until it is given to `run` or to a test driver. */
export function topology(name: string, declare: (declare: Declare) => void): Topology {
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(name)) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `"${name}" can't name a topology: topics and groups are named after it, so letters, digits, ".", "_" and "-" only`,
    )
  }
  const builder = new TopologyBuilder()
  declare({
    source(sourceName, source, options = {}) {
      const port = builder.graph.add({
        type: 'external-source',
        kind: 'source',
        name: sourceName,
        source,
        deadLetters: deadLetterTopic(options.deadLetters ?? `${sourceName}-dead-letters`),
        record: {
          key: options.key ?? (() => null),
          timestampMs(value: Parameters<NonNullable<typeof options.timestampMs>>[0], nowMs: number) {
            return options.timestampMs ? options.timestampMs(value) : nowMs
          },
        },
      })
      return new Stream({ builder, port, key: serdes.json(), value: serdes.json(), rekeyed: true })
    },
    stream(of, options = {}) {
      const { name, timestampMs } = options
      const extractor: TimestampExtractor | undefined = timestampMs && { extract: timestampMs }
      const port = builder.topicSource(of, 'stream', {
        ...(name !== undefined && { name }),
        ...(extractor && { timestampMs: extractor }),
      })
      return new Stream({ builder, port, key: of.key, value: of.value, rekeyed: false })
    },
  })
  return { name, nodes: builder.graph.nodes }
}

/** The bytes as they came; `place` and `reason` of the {@link DeadLetter} are in its headers. */
function deadLetterTopic(name: string): Topic<Buffer | null, Buffer | null> {
  return topic(name, { key: nullable(serdes.bytes), value: nullable(serdes.bytes) })
}
