import { identity, type OperatorFunction } from 'rxjs'
import { required } from '../checked.ts'
import { filter } from '../operators/filter.ts'
import { flatMap } from '../operators/flat-map.ts'
import { flatMapValues } from '../operators/flat-map-values.ts'
import { map } from '../operators/map.ts'
import { mapHeaders } from '../operators/map-headers.ts'
import { mapValues } from '../operators/map-values.ts'
import type { Dropped, OperatorContext } from '../operators/operator.ts'
import { peek } from '../operators/peek.ts'
import type { Processor, StoreSpecs } from '../operators/process.ts'
import type { ValueProcessor } from '../operators/process-values.ts'
import { selectKey } from '../operators/select-key.ts'
import { withHeaders } from '../operators/with-headers.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import { nonNull, serdes } from '../serdes/serdes.ts'
import type { JoinWindow } from '../windows/join-window.ts'
import { assumedKey } from './assumed-key.ts'
import { BatchedStream } from './batched-stream.ts'
import { checkOneTopology, type RecordTypes, type Stage, samePort, sideOutput, untyped } from './builder.ts'
import type { BatchPolicy } from './graph.ts'
import { Group } from './group.ts'
import { GroupedStream } from './grouped-stream.ts'
import { joinWith, type WithGlobalTable, type WithStream, type WithTable } from './join-with.ts'
import { type AsyncMapper, type MapAsyncOptions, mapAsync } from './map-async.ts'
import { type Named, type StepName, type StepSpec, splitName } from './named.ts'
import { type ProcessorSpec, processStep, processValuesStep } from './processor-step.ts'
import { type PartitionedBy, type RepartitionOptions, repartition } from './repartition.ts'
import { sourceTable } from './source-table.ts'
import { splitStep } from './split-step.ts'
import type { StoreOptions } from './store-options.ts'
import { joinStreams, keyed, type StreamJoinSerdes, written } from './stream-joins.ts'
import type { StreamPartitioner } from './stream-partitioner.ts'
import { Table } from './table.ts'
import type { Topic, WritableTopic } from './topic.ts'

/** Whether a record is meant. */
export type Predicate<K, V> = (value: V, key: K) => boolean

/** The topic of each record is chosen by what is in it; all of them are written with the same serdes. */
export interface TopicBy<K, V> {
  /** How keys are written; default: as the stream's are. */
  readonly key?: Serde<K>
  /** How values are written; default: as the stream's are. */
  readonly value?: Serde<V>
  /** The topic's name, without the environment's prefix. A topic that is missing is made, with one partition. */
  readonly topicBy: (value: V, key: K) => string
}

/** How records are written to a topic. */
export interface ToOptions<K, V> {
  /** Which partition a record goes to; default: its key says. */
  readonly partitioner?: StreamPartitioner<K, V>
}

/**
 * The last branch of a `split`, for what fits none before it.
 *
 * @example
 * ```ts
 * const { home, other } = stream(clicks).split({ home: ({ page }) => page === '/', other: otherwise })
 * ```
 */
export const otherwise = (): boolean => true

/**
 * Records as they come: each one is a fact of its own. A step takes an optional name first: it is what `describe()`,
 * errors, metrics and the topics made for it call it. Source: Kafka Streams `KStream`.
 */
export class Stream<K, V> {
  readonly #stage: Stage<K, V>

  /** @internal */
  constructor(stage: Stage<K, V>) {
    this.#stage = stage
  }

  /** @internal What the other stages of the builder connect to. */
  get stage(): Stage<K, V> {
    return this.#stage
  }

  /** Keeps the records for which the predicate holds; what it proves is the type of the values behind it. */
  filter<W extends V>(...args: Named<[predicate: (value: V, key: K) => value is W]>): Stream<K, W>
  /** Keeps the records for which the predicate holds. */
  filter(...args: Named<[predicate: Predicate<K, V>]>): Stream<K, V>
  filter(...args: Named<[predicate: Predicate<K, V>]>): Stream<K, V> {
    const [name, predicate] = splitName(args, 'predicate')
    return this.#step({ kind: 'filter', ...name }, (context) => filter(predicate, context), this.#stage)
  }

  /** Keeps the records for which the predicate does not hold. */
  filterNot(...args: Named<[predicate: Predicate<K, V>]>): Stream<K, V> {
    const [name, predicate] = splitName(args, 'predicate')
    const inverse: Predicate<K, V> = (value, key) => !predicate(value, key)
    return this.#step({ kind: 'filterNot', ...name }, (context) => filter(inverse, context), this.#stage)
  }

  /**
   * Gives each record a new value. The key stays, so nothing is repartitioned for it.
   *
   * @example
   * ```ts
   * stream(clicks).mapValues('page only', ({ page }) => page)
   * ```
   */
  mapValues<W>(...args: Named<[mapper: (value: V, key: K) => W]>): Stream<K, W> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step(
      { kind: 'mapValues', ...name },
      (context) => mapValues(mapper, context),
      this.#revalued(),
    )
  }

  /**
   * Gives each record new headers, an empty list for none: they are written with the record, and the steps behind read
   * them. Key and value stay. Source: Kafka Streams `Record.withHeaders`.
   *
   * @example
   * ```ts
   * stream(clicks).mapHeaders('seen by', (headers) => [...headers, ['seen-by', Buffer.from('shop')]])
   * ```
   */
  mapHeaders(...args: Named<[mapper: (headers: Headers, value: V, key: K) => Headers]>): Stream<K, V> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step({ kind: 'mapHeaders', ...name }, (context) => mapHeaders(mapper, context), this.#stage)
  }

  /**
   * As `mapValues`, for a value that is made with what the record's headers say (an empty list: it has none). The headers
   * stay too. Source: Kafka Streams `Record.headers`.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .withHeaders(({ page }, headers) => ({ page, trace: lastHeader(headers, 'trace')?.toString() }))
   *   .filter(({ trace }) => trace !== undefined)
   * ```
   */
  withHeaders<W>(...args: Named<[mapper: (value: V, headers: Headers, key: K) => W]>): Stream<K, W> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step(
      { kind: 'withHeaders', ...name },
      (context) => withHeaders(mapper, context),
      this.#revalued(),
    )
  }

  /**
   * Gives each record a new key and value. What needs the key afterwards is repartitioned.
   *
   * @example
   * ```ts
   * stream(clicks).map(({ page }, user) => [page, user])
   * ```
   */
  map<K2, V2>(...args: Named<[mapper: (value: V, key: K) => readonly [key: K2, value: V2]]>): Stream<K2, V2> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step({ kind: 'map', ...name }, (context) => map(mapper, context), rekeyed<K2, V2>())
  }

  /**
   * Makes any number of records of each one. What needs the key afterwards is repartitioned.
   *
   * @example
   * ```ts
   * stream(clicks).flatMap(({ page }, user) => page.split('/').map((part) => [part, user]))
   * ```
   */
  flatMap<K2, V2>(
    ...args: Named<[mapper: (value: V, key: K) => Iterable<readonly [key: K2, value: V2]>]>
  ): Stream<K2, V2> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step(
      { kind: 'flatMap', expands: true, ...name },
      (context) => flatMap(mapper, context),
      rekeyed<K2, V2>(),
    )
  }

  /**
   * Makes any number of values of each one; the key stays.
   *
   * @example
   * ```ts
   * stream(clicks).flatMapValues(({ page }) => page.split('/'))
   * ```
   */
  flatMapValues<W>(...args: Named<[mapper: (value: V, key: K) => Iterable<W>]>): Stream<K, W> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step(
      { kind: 'flatMapValues', expands: true, ...name },
      (context) => flatMapValues(mapper, context),
      this.#revalued(),
    )
  }

  /**
   * Gives each record a new key. What needs the key afterwards is repartitioned.
   *
   * @example
   * ```ts
   * stream(clicks).selectKey(({ page }) => page)
   * ```
   */
  selectKey<K2>(...args: Named<[mapper: (value: V, key: K) => K2]>): Stream<K2, V> {
    const [name, mapper] = splitName(args, 'mapper')
    return this.#step(
      { kind: 'selectKey', ...name },
      (context) => selectKey(mapper, context),
      rekeyed<K2, V>(this.#stage.value),
    )
  }

  /** Shows each record to the callback and passes it on. */
  peek(...args: Named<[action: (value: V, key: K) => void]>): Stream<K, V> {
    const [name, action] = splitName(args, 'action')
    return this.#step({ kind: 'peek', ...name }, (context) => peek(action, context), this.#stage)
  }

  /** Shows each record to the callback; the path ends here. */
  foreach(...args: Named<[action: (value: V, key: K) => void]>): void {
    const [name, action] = splitName(args, 'action')
    this.#step({ kind: 'foreach', ...name }, (context) => peek(action, context), this.#stage)
  }

  /**
   * Any RxJS operator over chunks, one of yours or one of this package's. Inside a task everything is synchronous: it
   * must answer a chunk before the next one comes. Its result counts as keyed anew unless `keepsKey` says otherwise.
   *
   * @example
   * ```ts
   * const loud = (source: Observable<Chunk<string, Click>>) =>
   *   source.pipe(map((chunk) => ({ ...chunk, values: chunk.values.map(({ page }) => page.toUpperCase()) })))
   * stream(clicks).pipe('loud', loud, { value: serdes.string, keepsKey: true, key: serdes.string })
   * ```
   */
  pipe<K2, V2>(
    name: string,
    operator: OperatorFunction<Chunk<K, V>, Chunk<K2, V2>>,
    options: { readonly key?: Serde<K2>; readonly value?: Serde<V2>; readonly keepsKey?: boolean } = {},
  ): Stream<K2, V2> {
    required({ operator }, { step: name })
    const { keepsKey = false, key = assumedKey<K2>(), value = serdes.json<V2>() } = options
    return this.#step({ kind: 'pipe', expands: true, stateless: false, name }, () => operator, {
      key,
      value,
      rekeyed: this.#stage.rekeyed || !keepsKey,
    })
  }

  /**
   * Gives each record the value that an asynchronous call answers, such as a request to another system. The results
   * come in the order of the records; at most `concurrencyMax` calls are under way in a task, and no offset is
   * committed before its results are. They go through a topic of the application's own, `<application>-<name>-results`.
   * A call that has failed for good fails the program, or its record is dropped, as `onCallbackError` says. The other
   * steps of the same sub-topology wait with it: a `repartition` before lets them go their own way. Throws
   * `BAD_TOPOLOGY` where all tries of a call could take longer than 30 s.
   *
   * @example
   * ```ts
   * stream(clicks).mapAsync(
   *   'title of the page',
   *   async ({ page }, _user, signal) => (await fetch(`http://localhost/titles${page}`, { signal })).text(),
   *   { concurrencyMax: 10, timeoutMs: 2_000, value: serdes.string },
   * )
   * ```
   */
  mapAsync<W>(name: string, mapper: AsyncMapper<K, V, W>, options: MapAsyncOptions<W>): Stream<K, W> {
    return new Stream(mapAsync(this.#stage, name, mapper, options))
  }

  /**
   * Both streams as one, in the order in which the records are processed.
   *
   * @example
   * ```ts
   * stream(clicks).merge('all clicks', stream(mobileClicks)).to(visits)
   * ```
   */
  merge(...args: Named<[other: Stream<K, V>]>): Stream<K, V> {
    const [name, other] = splitName(args, 'other')
    const { builder, port } = this.#stage
    checkOneTopology(this.#stage, other.stage, name.name ?? 'merge')
    const inputs = samePort(port, other.stage.port) ? [port] : [port, other.stage.port]
    const connect = () => inputs.map(() => untyped<Chunk<K, V>, Chunk<K, V>>(identity))
    const merged = builder.graph.add({
      type: 'operator',
      kind: 'merge',
      ...name,
      inputs,
      stores: [],
      expands: false,
      stateless: true,
      connect,
    })
    return new Stream({ ...this.#stage, port: merged, rekeyed: this.#stage.rekeyed || other.stage.rekeyed })
  }

  /**
   * Sends each record to the first branch whose predicate holds, in the order written; `otherwise` as the last one
   * takes the rest, and without it the rest is left out. Throws `BAD_TOPOLOGY` for a branch whose name is a number:
   * JavaScript would not keep the order. Source: Kafka Streams `KStream.split`.
   *
   * @example
   * ```ts
   * const { home, shop } = stream(clicks).split('by page', {
   *   home: ({ page }) => page === '/',
   *   shop: ({ page }) => page.startsWith('/shop'),
   * })
   * home.merge(shop).to(visits)
   * ```
   */
  split<B extends Readonly<Record<string, Predicate<K, V>>>>(
    ...args: Named<[branches: B]>
  ): { readonly [Name in keyof B]: Stream<K, V> } {
    const [name, branches] = splitName<[B]>(args, 'branches')
    const streams = splitStep(this.#stage, name, branches).map(
      ([branch, stage]) => [branch, new Stream(stage)] as const,
    )
    return Object.fromEntries(streams) as { readonly [Name in keyof B]: Stream<K, V> }
  }

  /**
   * Writes the records to a topic, or to one chosen for each record; the path ends here. A record goes to the partition that
   * its key says, as Java's producers choose it, or that a `partitioner` says.
   *
   * @example
   * ```ts
   * stream(clicks).to('clicks by country', { topicBy: ({ country }) => `clicks-${country}` })
   * ```
   */
  to(...args: Named<[topic: WritableTopic<K, V> | TopicBy<K, V>, options?: ToOptions<K, V>]>): void {
    const [name, topic, { partitioner } = {}] = splitName(args, 'topic')
    const { builder, port, key, value } = this.#stage
    const partitioned = partitioner && { partitionOf: { partition: partitioner } }
    if ('topicBy' in topic) {
      const chooser = { key: topic.key ?? key, value: topic.value ?? value, choose: topic.topicBy }
      builder.graph.add({
        type: 'topic-sink',
        kind: 'to',
        ...name,
        input: port,
        topic: chooser,
        ...partitioned,
      })
      return
    }
    const step = name.name ?? builder.graph.freeName(`to ${topic.name}`)
    builder.topics.declare(topic, step)
    builder.graph.add({
      type: 'topic-sink',
      kind: 'to',
      name: step,
      input: port,
      topic: topic as Topic<unknown, unknown>,
      ...partitioned,
    })
  }

  /**
   * Writes the records to a topic of yours and reads them from there: for another number of partitions, or for others
   * to read. The environment makes the topic where it is missing.
   */
  through(...args: Named<[topic: Topic<K, V>, options?: ToOptions<K, V>]>): Stream<K, V> {
    const [, topic] = splitName(args)
    this.to(...args)
    const { builder } = this.#stage
    const { key, value } = topic
    return new Stream({ builder, port: builder.topicSource(topic, 'stream'), key, value, rekeyed: false })
  }

  /**
   * Sends the records through a topic of the application's own, `<application>-<name>-repartition`, which partitions
   * them by their key, or as a `partitioner` says. Records with a null key are left out.
   *
   * @example
   * ```ts
   * stream(clicks).repartition('spread', { partitions: 24 }).mapAsync('title', titleOf, calls)
   * ```
   */
  repartition(...args: Named<[options?: PartitionedBy<K, V>]>): Stream<K, V> {
    const [name, options = {}] = splitName(args)
    return new Stream(
      repartition(this.#stage, name.name ?? this.#stage.builder.graph.freeName('repartition'), options),
    )
  }

  /**
   * Groups by the key there is. A record with a null key is left out.
   *
   * @example
   * ```ts
   * stream(clicks).groupByKey().count('clicks by user')
   * ```
   */
  groupByKey(
    ...args: Named<[options?: RepartitionOptions<NonNullable<K>, V>]>
  ): GroupedStream<NonNullable<K>, V> {
    const [name, options = {}] = splitName(args)
    return new GroupedStream(groupOf(this.#stage, name, options))
  }

  /**
   * Groups by a new key, through a repartition topic. A record whose new key is null is left out.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .groupBy('by page', ({ page }) => page, { key: serdes.string })
   *   .count('clicks by page')
   * ```
   */
  groupBy<K2>(
    ...args: Named<[mapper: (value: V, key: K) => K2, options?: RepartitionOptions<NonNullable<K2>, V>]>
  ): GroupedStream<NonNullable<K2>, V> {
    const [name, mapper, options = {}] = splitName(args, 'mapper')
    const { stage } = this.#step(
      { kind: 'groupBy', ...name },
      (context) => selectKey(mapper, context),
      rekeyed<K2, V>(this.#stage.value),
    )
    return new GroupedStream(groupOf(stage, name, options))
  }

  /**
   * The records as updates of a table: a value replaces the row of its key, null deletes it, and a record without key
   * is dropped. Repartitioned first where the key may have changed. Source: Kafka Streams `KStream.toTable`.
   *
   * @example
   * ```ts
   * const lastPage = stream(clicks).mapValues(({ page }) => page).toTable('last page', { store: 'last-page' })
   * ```
   */
  toTable(
    ...args: Named<[options?: StoreOptions<NonNullable<V>> & { readonly key?: Serde<NonNullable<K>> }]>
  ): Table<NonNullable<K>, NonNullable<V>> {
    const [{ name: named }, options = {}] = splitName(args)
    const name = named ?? options.store ?? this.#stage.builder.graph.freeName('toTable')
    const key = options.key ?? nonNull(this.#stage.key)
    const value = options.value ?? nonNull(this.#stage.value)
    const { builder, port } = keyed(written(this.#stage, key, value), name, false)
    const stage = { builder, port, key, value, rekeyed: false }
    const table = sourceTable(stage, { kind: 'toTable', name, ...options })
    return new Table(table.stage, table.rows)
  }

  /**
   * Joins each record with the records of the other stream that have its key and are near it in time. The result has
   * the larger timestamp; a side whose key may have changed is repartitioned first. Null keys and values are dropped.
   * Source: Kafka Streams `KStream.join(KStream)`.
   *
   * @example
   * ```ts
   * stream(orders).join(
   *   'paid orders',
   *   stream(payments),
   *   (order, payment) => ({ ...order, paid: payment.amount }),
   *   within({ beforeMs: 0, afterMs: 600_000 }),
   * )
   * ```
   */
  join<R, J>(
    ...args: Named<WithStream<K, NonNullable<K>, V, R, NonNullable<R>, J>>
  ): Stream<NonNullable<K>, J>
  /**
   * Gives each record the table's row of its key; a record without one is left out. The row is the one that is there
   * when the record is processed; of a versioned table, the one that was valid at the record's timestamp. Only records
   * make results, no change of the table does. Source: Kafka Streams `KStream.join(KTable)`.
   *
   * @example
   * ```ts
   * stream(clicks).join('with name', table(users), (click, name) => ({ ...click, name }))
   * ```
   */
  join<R, J>(...args: Named<WithTable<K, NonNullable<K>, V, R, R, J>>): Stream<NonNullable<K>, J>
  /**
   * Gives each record the row of a global table that its foreign key names; a record without one is left out. The key
   * stays, and nothing is repartitioned. Source: Kafka Streams `KStream.join(GlobalKTable)`.
   *
   * @example
   * ```ts
   * stream(clicks).join(
   *   'with title',
   *   globalTable(pages),
   *   { foreignKey: ({ page }) => page },
   *   (click, title) => ({ ...click, title }),
   * )
   * ```
   */
  join<FK, R, J>(...args: Named<WithGlobalTable<K, V, FK, R, R, J>>): Stream<K, J>
  join<FK, R, J>(
    ...args: Named<
      | WithStream<K, NonNullable<K>, V, R, NonNullable<R>, J>
      | WithTable<K, NonNullable<K>, V, R, R, J>
      | WithGlobalTable<K, V, FK, R, R, J>
    >
  ): Stream<NonNullable<K>, J> | Stream<K, J> {
    return new Stream(joinWith(this.#stage, 'join', args))
  }

  /**
   * As the `join` of streams, with a result for each record of this stream too that found no match: with null for the
   * other side, once stream time is past its window and grace. Source: Kafka Streams `KStream.leftJoin(KStream)`.
   *
   * @example
   * ```ts
   * stream(orders).leftJoin(
   *   'orders and payments',
   *   stream(payments),
   *   (order, payment) => ({ ...order, paid: payment === null ? 0 : payment.amount }),
   *   within({ beforeMs: 0, afterMs: 600_000, graceMs: 5_000 }),
   * )
   * ```
   */
  leftJoin<R, J>(...args: Named<WithStream<K, K, V, R, NonNullable<R> | null, J>>): Stream<K, J>
  /**
   * As the `join` with a table, with a result for each record: with null where the table has no row. Source: Kafka
   * Streams `KStream.leftJoin(KTable)`.
   */
  leftJoin<R, J>(...args: Named<WithTable<K, K, V, R, R | null, J>>): Stream<K, J>
  /**
   * As the `join` with a global table, with a result for each record: with null where no row is named, or none is
   * there. Source: Kafka Streams `KStream.leftJoin(GlobalKTable)`.
   */
  leftJoin<FK, R, J>(...args: Named<WithGlobalTable<K, V, FK, R, R | null, J>>): Stream<K, J>
  leftJoin<FK, R, J>(
    ...args: Named<
      | WithStream<K, K, V, R, NonNullable<R> | null, J>
      | WithTable<K, K, V, R, R | null, J>
      | WithGlobalTable<K, V, FK, R, R | null, J>
    >
  ): Stream<K, J> {
    return new Stream(joinWith(this.#stage, 'leftJoin', args))
  }

  /**
   * As the `leftJoin` of streams, with a result for each record of either stream: with null where it has no match.
   * Source: Kafka Streams `KStream.outerJoin`.
   *
   * @example
   * ```ts
   * stream(orders).outerJoin(
   *   'orders and payments',
   *   stream(payments),
   *   (order, payment) => ({ ordered: order !== null, paid: payment !== null }),
   *   within({ ms: 600_000 }),
   * )
   * ```
   */
  outerJoin<K2 extends K | null, V2, J>(
    ...args: Named<
      [
        other: Stream<K2, V2>,
        joiner: (left: NonNullable<V> | null, right: NonNullable<V2> | null, key: K | K2) => J,
        window: JoinWindow,
        options?: StreamJoinSerdes<NonNullable<K>, NonNullable<V>, NonNullable<V2>, J>,
      ]
    >
  ): Stream<K | K2, J> {
    const [name, other, joiner, window, options] = splitName(args, 'other', 'joiner', 'window')
    const outer = { left: true, right: true }
    const spec = { kind: 'outerJoin', ...name, joiner, window, outer, ...options }
    return new Stream(joinStreams(this.#stage, other.stage, spec))
  }

  /**
   * Hands each record to a processor of yours, which may keep stores, forward any number of records, and be called as
   * time goes on. What needs the key afterwards is repartitioned. Without serdes its records are written as this
   * stream's.
   *
   * @example
   * ```ts
   * stream(clicks).process('first visits', {
   *   stores: { seen: keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long }) },
   *   processor: ({ stores, forward }) => (click, user, { timestampMs }) => {
   *     if (stores.seen.get(user) === undefined) forward(user, click)
   *     stores.seen.put(user, timestampMs, timestampMs)
   *   },
   * })
   * ```
   */
  process<K2 = K, V2 = V, S extends StoreSpecs = Record<never, never>>(
    name: string,
    spec: ProcessorSpec<K2, V2, S> & { readonly processor: Processor<K, V, K2, V2, S> },
  ): Stream<K2, V2> {
    return new Stream(processStep(this.#stage, name, spec))
  }

  /**
   * As `process` where the key stays: `forward` takes the value alone, nothing is repartitioned for it, and a
   * punctuation can't forward. Source: Kafka Streams `KStream.processValues`.
   *
   * @example
   * ```ts
   * stream(clicks).processValues('numbered', {
   *   stores: { counts: keyValueStore({ name: 'counts', key: serdes.string, value: serdes.long }) },
   *   processor: ({ stores, forward }) => (click, user, { timestampMs }) => {
   *     const n = (stores.counts.get(user) ?? 0) + 1
   *     stores.counts.put(user, n, timestampMs)
   *     forward({ ...click, n })
   *   },
   *   value: serdes.json<Click & { n: number }>(),
   * })
   * ```
   */
  processValues<V2 = V, S extends StoreSpecs = Record<never, never>>(
    name: string,
    spec: Omit<ProcessorSpec<K, V2, S>, 'key'> & { readonly processor: ValueProcessor<K, V, V2, S> },
  ): Stream<K, V2> {
    return new Stream(processValuesStep(this.#stage, name, spec))
  }

  /**
   * Collects records for a sink. Throws `BAD_TOPOLOGY` for a policy by which nothing could go out.
   *
   * @example
   * ```ts
   * stream(clicks).batch({ rowsMax: 10_000, waitMsMax: 1_000 }).to('clicks to ClickHouse', clickhouse(clicksTable))
   * ```
   */
  batch(policy: BatchPolicy): BatchedStream<K, V> {
    return new BatchedStream(this.#stage, policy)
  }

  /**
   * What the step before has left out, with the reason. Every such record is counted too.
   *
   * @example
   * ```ts
   * stream(orders)
   *   .join(table(users), (order, name) => ({ ...order, name }))
   *   .dropped$.map(({ reason, value }, key) => [String(key), `${reason}: ${JSON.stringify(value)}`])
   * ```
   */
  get dropped$(): Stream<unknown, Dropped<unknown>> {
    return new Stream(sideOutput(this.#stage, 'dropped'))
  }

  #revalued<W>(): RecordTypes<K, W> {
    const { key, rekeyed } = this.#stage
    return { key, value: serdes.json(), rekeyed }
  }

  #step<K2, V2>(
    spec: StepSpec & { readonly expands?: boolean; readonly stateless?: boolean },
    operator: (context: OperatorContext) => OperatorFunction<Chunk<K, V>, Chunk<K2, V2>>,
    result: RecordTypes<K2, V2>,
  ): Stream<K2, V2> {
    const { builder, port } = this.#stage
    const connect = (context: OperatorContext) => [untyped(operator(context))]
    const derived = builder.graph.add({
      type: 'operator',
      expands: false,
      stateless: true,
      ...spec,
      inputs: [port],
      stores: [],
      connect,
    })
    const { key, value, rekeyed } = result
    return new Stream({ builder, port: derived, key, value, rekeyed })
  }
}

function rekeyed<K, V>(value: Serde<V> = serdes.json()): RecordTypes<K, V> {
  return { key: assumedKey(), value, rekeyed: true }
}

/** Grouped records have a key: those without one are left out before, or by the aggregation. */
function groupOf<K, V>(
  { builder, port, rekeyed, ...stage }: Stage<K, V>,
  { name }: StepName,
  { key = nonNull(stage.key), value = stage.value, partitions }: RepartitionOptions<NonNullable<K>, V>,
): Group<NonNullable<K>, V> {
  return new Group({ builder, port, rekeyed, key, value }, name, partitions)
}
