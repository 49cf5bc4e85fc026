import { checked, oneOf, required } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { Headers } from '../records/chunk.ts'
import type { RetryPolicy } from '../retry.ts'
import type { Serde } from '../serdes/serde.ts'
import { nonNull, nullable, serdes } from '../serdes/serdes.ts'
import type { StoreType } from '../state/store.ts'
import { assumedKey } from './assumed-key.ts'
import { TopologyBuilder } from './builder.ts'
import { checkTopics } from './check-topics.ts'
import { checkKeySerdes } from './co-partitioning.ts'
import { planFinalResults } from './final-results.ts'
import { GlobalTable } from './global-table.ts'
import type { GraphNode } from './graph.ts'
import type { OffsetReset } from './offset-reset.ts'
import type { QueryableStores } from './queryable.ts'
import type { DeadLetter, Source } from './source.ts'
import { sourceTable } from './source-table.ts'
import { Stream } from './stream.ts'
import { subTopologiesOf } from './sub-topologies.ts'
import { Table } from './table.ts'
import type { TableStage } from './table-rows.ts'
import { type Topic, topic } from './topic.ts'
import { deadLetterTopicOf } from './topic-name.ts'
import { type PatternOptions, patternTopic, stateless } from './topic-pattern.ts'

/** A declared topology: a value that can be described, compared, driven by a test, or run. */
export interface Topology {
  /** Kafka Streams' `application.id`: prefix of its own topics, and the consumer group. */
  readonly name: string
  /** Its steps, in the order of declaration. */
  readonly nodes: readonly GraphNode[]
}

const sourceRetry: RetryPolicy = { initialMs: 500, waitMsMax: 30_000 }

/** How what a source emits becomes records. */
export interface SourceOptions<T, K> {
  /** The record's key; default: none. */
  readonly key?: (value: T) => K
  /** Event time in ms since the epoch; default: the wall clock's. */
  readonly timestampMs?: (value: T) => number
  /** The record's headers; undefined, or absent: it has none. */
  readonly headers?: (value: T) => Headers | undefined
  /**
   * Where the source goes on behind this value, such as an offset in a file; undefined: where it went on before. That of
   * the last value is committed together with what was made of the values, and `SourceContext.position` has it at the
   * next start, so each value counts once wherever the other side can be read again from there. Anything that JSON holds.
   */
  readonly position?: (value: T) => unknown
  /** Where what the source could not decode goes; default: the topic `<source's name>-dead-letters`. */
  readonly deadLetters?: string
  /**
   * How the source is subscribed to again when it has failed, be it by an error that it emits or by one that it throws.
   * Default: for ever, after 0.25 to 0.5 s first and at most 30 s later; a value that came through begins the count anew,
   * and `attemptsMax: 1` is no retry. A `RivuletError` that is not `retryable` is no matter of it. A source that has
   * failed for good ends the program with `SOURCE_FAILED` (or its own `RivuletError`'s code), with the step in its place.
   */
  readonly retry?: RetryPolicy
  /**
   * What becomes of the program when the source completes, which is said in the log and as an event. Default `go-on`: what
   * it has emitted is worked off, and the steps and the other sources go on. `stop`: the program stops as by
   * `Running.stop`, once this instance has worked off and committed what lies in its topics.
   */
  readonly onComplete?: 'go-on' | 'stop'
}

/** How a topic's records are read. A topic that is read twice must be read alike. */
export interface StreamOptions<K, V> {
  /** Of the step; default: made of the topic's name. */
  readonly name?: string
  /** Takes event time from the record. Default: Kafka's timestamp. A negative one drops the record, counted. */
  readonly timestampMs?: (value: V, key: K, recordTimestampMs: number) => number
  /**
   * Which records only say how far event time has come. No step sees them, but they move the stream time of the windows
   * and suppressions that are fed by this topic without a repartition, and so close windows of an idle topic (Kafka
   * Streams has nothing of the kind). Whoever writes the topic writes them, into each partition: they stand in the log
   * among the records, so that a replay closes the same windows at the same place.
   */
  readonly isHeartbeat?: (value: V, key: K) => boolean
  /**
   * Where a partition is begun of which the application has committed nothing: `earliest` (the default) at its first
   * record, `latest` behind its last one, `{ byDurationMs: 3_600_000 }` at the first record of the last hour. A partition
   * that comes later is begun in the same way. Source: Kafka Streams `Consumed.withOffsetResetPolicy`, KIP-1106.
   */
  readonly offsetReset?: OffsetReset
}

/** How a topic becomes a table, and whether its rows are kept. */
export interface TableOptions<V> {
  /** Of the step; default: made of the topic's name. */
  readonly name?: string
  /** Name of the store that keeps the rows; without one they are kept once a step looks them up. */
  readonly store?: string
  /** Keeps the past values of each row for this long: joins then see a row as it stood at the record's timestamp. */
  readonly versionedMs?: number
  /** Where the rows are. Default: the environment's `storeType`; in memory with `versionedMs`. */
  readonly storeType?: StoreType
  /** How rows are written to the store's changelog; default: as in the topic. */
  readonly value?: Serde<V>
}

/** How a topic becomes a table on every instance. */
export interface GlobalTableOptions<V> {
  /** Of the step; default: made of the topic's name. */
  readonly name?: string
  /** Name of the store that keeps the rows; default: the step's name. */
  readonly store?: string
  /** How rows are written, where that differs from the topic. */
  readonly value?: Serde<V>
}

/** What a topology is declared with. Source: Kafka Streams `StreamsBuilder`. */
export interface Declare {
  /**
   * Any observable as the beginning of a path: a socket, a file, a timer. What it emits has no partition yet.
   *
   * @example
   * ```ts
   * source('clicks', click$, { key: ({ user }) => user, timestampMs: ({ atMs }) => atMs }).to(clicks)
   * ```
   */
  source<T, K = null>(name: string, source: Source<T>, options?: SourceOptions<T, K>): Stream<K, T>
  /**
   * The records of a topic, each a fact of its own. Throws `BAD_TOPOLOGY` where the topic is read already in another
   * way. Source: Kafka Streams `StreamsBuilder.stream`.
   *
   * @example
   * ```ts
   * stream(clicks, { timestampMs: ({ atMs }) => atMs })
   *   .filter(({ page }) => page !== '/')
   *   .to(visits)
   * ```
   */
  stream<K, V>(topic: Topic<K, V>, options?: StreamOptions<K, V>): Stream<K, V>
  /**
   * The records of all topics whose name the pattern finds (`/^orders-/` finds `orders-eu`; the environment's prefix is no
   * part of the name), those that are there at the start and those that come later, within `metadataMaxAgeMs`. Equally
   * numbered partitions of all of them are one task's. Not among them: Kafka's own topics, the application's own, and the
   * dead letters of what it reads. Throws `BAD_TOPOLOGY` where the topology reads a topic by its name, too, that the
   * pattern finds; a topic that two patterns find ends the program with `BAD_TOPOLOGY`. Source: Kafka Streams
   * `StreamsBuilder.stream(Pattern)`.
   *
   * @example
   * ```ts
   * stream(/^clicks-/, { key: serdes.string, value: serdes.json<Click>() }).to(visits)
   * ```
   */
  stream<K, V>(pattern: RegExp, options: PatternOptions<K, V>): Stream<K, V>
  /**
   * The records of a topic as updates of a table: a value replaces the row of its key, null deletes it; a record
   * without key is dropped. Throws `BAD_TOPOLOGY` where the topic is read already: declare a table once, and use it in
   * both places. Source: Kafka Streams `StreamsBuilder.table`.
   *
   * @example
   * ```ts
   * const names = table(users, { store: 'names' })
   * stream(clicks)
   *   .join(names, (click, name) => ({ ...click, name }))
   *   .to(visits)
   * ```
   */
  table<K, V>(
    topic: Topic<K, V>,
    options?: TableOptions<NonNullable<V>>,
  ): Table<NonNullable<K>, NonNullable<V>>
  /**
   * The whole topic as a table on every instance, for joins by any key. Throws `BAD_TOPOLOGY` where the topic is read
   * already. Source: Kafka Streams `StreamsBuilder.globalTable`.
   *
   * @example
   * ```ts
   * const titles = globalTable(pages)
   * stream(clicks)
   *   .leftJoin(titles, { foreignKey: ({ page }) => page }, (click, title) => ({ ...click, title }))
   *   .to(visits)
   * ```
   */
  globalTable<K, V>(
    topic: Topic<K, V>,
    options?: GlobalTableOptions<NonNullable<V>>,
  ): GlobalTable<NonNullable<K>, NonNullable<V>>
}

/**
 * Declares a topology; nothing runs until it is given to `run` or to a test driver. Stores that `declare` answers, such
 * as `{ counts: queryable(counts) }`, are found as `stores` in the result. Throws `BAD_TOPOLOGY` for what can't run: a
 * name that is none for a topic, steps that are named alike, topics that don't fit together.
 *
 * @example
 * ```ts
 * const perUser = topology('per-user', ({ stream }) => {
 *   const counted = stream(clicks).groupByKey().count('clicks by user')
 *   counted.toStream().to(counts)
 *   return { counted: queryable(counted) }
 * })
 * run(perUser, { kafka }).query(perUser.stores.counted).get('ann')
 * ```
 */
export function topology<S extends QueryableStores>(
  name: string,
  declare: (declare: Declare) => S,
): Topology & { readonly stores: S }
/** Declares a topology that offers no stores. Throws `BAD_TOPOLOGY` for what can't run. */
export function topology(name: string, declare: (declare: Declare) => void): Topology
export function topology(
  name: string,
  declare: (declare: Declare) => unknown,
): Topology & { readonly stores?: QueryableStores } {
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(name)) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `"${name}" can't name a topology: topics and groups are named after it, so letters, digits, ".", "_" and "-" only`,
    )
  }
  const builder = new TopologyBuilder()
  const answer = declare({
    source<T, K>(sourceName: string, source: Source<T>, options: SourceOptions<T, K> = {}) {
      required({ source }, { step: sourceName })
      const { onComplete = 'go-on' } = options
      oneOf({ onComplete }, ['go-on', 'stop'], { step: sourceName })
      const port = builder.graph.add({
        type: 'external-source',
        kind: 'source',
        name: sourceName,
        source,
        deadLetters: deadLetterTopic(options.deadLetters ?? deadLetterTopicOf(sourceName)),
        retry: options.retry ?? sourceRetry,
        onComplete,
        record: {
          key: options.key ?? (() => null),
          timestampMs: (value: T, nowMs: number) =>
            options.timestampMs ? options.timestampMs(value) : nowMs,
          ...(options.headers && { headers: options.headers }),
          ...(options.position && { position: options.position }),
        },
      })
      return new Stream<K, T>({ builder, port, key: assumedKey(), value: serdes.json(), rekeyed: true })
    },
    stream<K, V>(of: Topic<K, V> | RegExp, options: StreamOptions<K, V> = {}) {
      required({ topic: of })
      const isPattern = of instanceof RegExp
      const read = isPattern ? patternTopic<K, V>(of, options as PatternOptions<K, V>) : of
      const pattern = isPattern ? { pattern: stateless(of) } : {}
      const port = builder.topicSource(read, 'stream', { ...options, ...pattern })
      return new Stream({ builder, port, key: read.key, value: read.value, rekeyed: false })
    },
    table(of, options = {}) {
      const { stage, rows } = readTable(builder, of, 'table', options)
      return new Table(stage, rows)
    },
    globalTable(of, options = {}) {
      const { stage, rows } = readTable(builder, of, 'globalTable', options)
      return new GlobalTable(stage, rows.view())
    },
  })
  if (answer instanceof Promise) {
    const message = `"${name}" is declared by an asynchronous function: what it declares later would not be seen`
    throw new RivuletError('BAD_TOPOLOGY', message)
  }
  planFinalResults(builder.graph)
  const declared = { name, nodes: builder.graph.nodes, ...(isStores(answer) && { stores: answer }) }
  checkTopics(declared)
  // What can't run is refused here already.
  checkKeySerdes(subTopologiesOf(declared))
  return declared
}

/** A callback without braces may answer anything. */
function isStores(answer: unknown): answer is QueryableStores {
  return typeof answer === 'object' && answer !== null && Object.getPrototypeOf(answer) === Object.prototype
}

/** The rows that a topic's records make. */
function readTable<K, V>(
  builder: TopologyBuilder,
  of: Topic<K, V>,
  kind: 'table' | 'globalTable',
  { name, ...options }: TableOptions<NonNullable<V>>,
): TableStage<NonNullable<K>, NonNullable<V>> {
  required({ topic: of })
  if (options.versionedMs !== undefined) checkVersioned(options.versionedMs, of.name, kind)
  const port = builder.topicSource(of, kind)
  const stage = { builder, port, key: nonNull(of.key), value: nonNull(of.value), rekeyed: false }
  const spec = { kind, name: name ?? builder.graph.freeName(`table ${of.name}`), ...options }
  // Every instance reads a global table whole, and its truth is the topic.
  return sourceTable(stage, { ...spec, ...(kind === 'globalTable' && { logged: false }) })
}

/** Types keep a global table from having versions; Kafka Streams refuses it, too. */
function checkVersioned(versionedMs: number, topicName: string, kind: 'table' | 'globalTable'): void {
  checked({ versionedMs }, 0, 'BAD_TOPOLOGY', { topic: topicName })
  if (kind === 'table') return
  const message = `the topic "${topicName}" is read as globalTable, which keeps no past: versionedMs is for a table`
  throw new RivuletError('BAD_TOPOLOGY', message, { place: { topic: topicName, parameter: 'versionedMs' } })
}

/** The bytes as they came; `place` and `reason` of the {@link DeadLetter} are in its headers. */
function deadLetterTopic(name: string): Topic<Buffer | null, Buffer | null> {
  return topic(name, { key: nullable(serdes.bytes), value: nullable(serdes.bytes) })
}
