import type { Observable, OperatorFunction } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { Dropped } from '../operators/operator.ts'
import type { Chunk } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import { assumedKey } from './assumed-key.ts'
import { DeclaredTopics } from './declared-topics.ts'
import type { HeartbeatTest, Port, TimestampExtractor, UntypedOperator } from './graph.ts'
import { GraphBuilder } from './graph-builder.ts'
import { checkOffsetReset, type OffsetReset, sameOffsetReset } from './offset-reset.ts'
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

/** How a topic is read: as facts, as the rows of a table, or as those of a table on every instance. */
export type ReadAs = 'stream' | 'table' | 'globalTable'

export interface TopicSourceOptions {
  readonly name?: string
  readonly timestampMs?: TimestampExtractor['extract']
  readonly isHeartbeat?: HeartbeatTest['test']
  readonly offsetReset?: OffsetReset
  readonly pattern?: RegExp
}

interface TopicSource {
  readonly port: Port
  readonly as: ReadAs
  readonly options: TopicSourceOptions
}

/** The graph under declaration, and the topics in it: a topic is read once, however often it is named. */
export class TopologyBuilder {
  readonly graph = new GraphBuilder()
  readonly topics = new DeclaredTopics()
  readonly #sources = new Map<string, TopicSource>()

  /**
   * Where the records of the topic come from. Throws `BAD_TOPOLOGY` where it is read already, in another way: its records
   * are decoded once, and a partition has one place up to which it is read. Source: Kafka Streams refuses it, too
   * (`InternalTopologyBuilder.validateTopicNotAlreadyRegistered`), but for two extractors, of which it takes the first.
   */
  topicSource(topic: Topic<unknown, unknown>, as: ReadAs, options: TopicSourceOptions = {}): Port {
    this.topics.declare(topic)
    const known = this.#sources.get(topic.name)
    if (known) {
      checkReadAlike(topic.name, known, { as, options })
      return known.port
    }
    const { name, timestampMs, isHeartbeat, offsetReset, pattern } = options
    if (offsetReset !== undefined) checkOffsetReset(offsetReset, { topic: topic.name })
    const port = this.graph.add({
      type: 'topic-source',
      kind: as,
      ...(name !== undefined && { name }),
      topic,
      global: as === 'globalTable',
      tombstones: as !== 'stream',
      ...(timestampMs && { timestampMs: { extract: timestampMs } }),
      ...(isHeartbeat && { heartbeat: { test: isHeartbeat } }),
      ...(offsetReset !== undefined && { offsetReset }),
      ...(pattern && { pattern }),
    })
    this.#sources.set(topic.name, { port, as, options })
    return port
  }
}

function checkReadAlike(topic: string, known: TopicSource, { as, options }: Omit<TopicSource, 'port'>): void {
  const refuse = (what: string) => {
    throw new RivuletError('BAD_TOPOLOGY', `the topic "${topic}" is read ${what}`, { place: { topic } })
  }
  if (as !== known.as)
    refuse(
      `as ${known.as} and as ${as}, but it can be read in one way only: a table's toStream() and a stream's toTable() lead from the one to the other`,
    )
  if (as !== 'stream') refuse(`as ${as} twice: declare the table once, and use it in both places`)
  if (options.timestampMs !== known.options.timestampMs) refuse('twice, with two functions for timestampMs')
  if (options.isHeartbeat !== known.options.isHeartbeat) refuse('twice, with two functions for isHeartbeat')
  if (!sameOffsetReset(options.offsetReset, known.options.offsetReset)) refuse('twice, with two offsetResets')
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

/** Throws `BAD_TOPOLOGY` for stages of two topologies: a port is a number, and means another node in another graph. */
export function checkOneTopology(
  a: Pick<Stage<never, never>, 'builder'>,
  b: Pick<Stage<never, never>, 'builder'>,
  step: string,
): void {
  if (a.builder === b.builder) return
  const message = `"${step}" brings together stages of two topologies: what they share goes through a topic`
  throw new RivuletError('BAD_TOPOLOGY', message, { place: { step } })
}

export function samePort(a: Port, b: Port): boolean {
  return a.node === b.node && a.port === b.port
}

/** What a step emits beside its results: the records that it left out. */
export function sideOutput<In = unknown>(
  { builder, port }: Pick<Stage<unknown, unknown>, 'builder' | 'port'>,
  side: 'late' | 'dropped',
): Stage<unknown, Dropped<In>> {
  return {
    builder,
    port: { node: port.node, port: side },
    key: assumedKey(),
    value: serdes.json(),
    rekeyed: true,
  }
}
