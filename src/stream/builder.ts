import type { Observable, OperatorFunction } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { Dropped } from '../operators/operator.ts'
import type { Chunk } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import type { HeartbeatTest, Port, TimestampExtractor, UntypedOperator } from './graph.ts'
import { GraphBuilder } from './graph-builder.ts'
import type { Topic } from './topic.ts'

/** What every stage of the typed builder holds: where it is in the graph, and how its records are written. */
export interface Stage<K, V> {
  readonly builder: TopologyBuilder
  readonly port: Port
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Whether the key may have changed since the records were partitioned by it. */
  readonly rekeyed: boolean
}

/** How the records that come out of a step are written, and whether they lie where their key says. */
export type RecordTypes<K, V> = Pick<Stage<K, V>, 'key' | 'value' | 'rekeyed'>

export interface TopicSourceOptions {
  readonly name?: string
  readonly global?: boolean
  readonly tombstones?: boolean
  readonly timestampMs?: TimestampExtractor
  readonly heartbeat?: HeartbeatTest
}

/** The graph under declaration, and the sources in it: a topic is read once, however often it is named. */
export class TopologyBuilder {
  readonly graph = new GraphBuilder()
  readonly #sources = new Map<
    string,
    { port: Port; topic: Topic<unknown, unknown>; options: TopicSourceOptions }
  >()

  topicSource(topic: Topic<unknown, unknown>, kind: string, options: TopicSourceOptions = {}): Port {
    const known = this.#sources.get(topic.name)
    if (known) {
      const same =
        known.topic.key.name === topic.key.name &&
        known.topic.value.name === topic.value.name &&
        known.options.global === options.global &&
        known.options.tombstones === options.tombstones &&
        known.options.timestampMs === options.timestampMs &&
        known.options.heartbeat === options.heartbeat
      if (same) return known.port
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `the topic "${topic.name}" is read in two ways that do not agree: once as ${kind}, or with other serdes`,
        { place: { topic: topic.name } },
      )
    }
    const { name, global = false, tombstones = false, timestampMs, heartbeat } = options
    const port = this.graph.add({
      type: 'topic-source',
      kind,
      name: name ?? topic.name,
      topic,
      global,
      tombstones,
      ...(timestampMs && { timestampMs }),
      ...(heartbeat && { heartbeat }),
    })
    this.#sources.set(topic.name, { port, topic, options })
    return port
  }
}

/** Takes the types off an RxJS operator: the graph holds operators of all types side by side. */
export function untyped<I extends Chunk<unknown, unknown>, O extends Chunk<unknown, unknown>>(
  operator: OperatorFunction<I, O>,
): UntypedOperator {
  return {
    connect(source: Observable<I>): Observable<O> {
      return operator(source)
    },
  }
}

export function samePort(a: Port, b: Port): boolean {
  return a.node === b.node && a.port === b.port
}

/** What a step emits beside its results: the records that it left out. */
export function sideOutput<K, V>(
  { builder, port }: Stage<K, V>,
  side: 'late' | 'dropped',
): Stage<unknown, Dropped<unknown>> {
  return {
    builder,
    port: { node: port.node, port: side },
    key: serdes.json(),
    value: serdes.json(),
    rekeyed: true,
  }
}
