import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { type Chunk, chunkOf, type PlainRecord } from '../records/chunk.ts'
import type { Environment } from '../runtime/environment.ts'
import { layOutAsDeclared } from '../runtime/layout.ts'
import { type Queries, queriesOf } from '../runtime/queries.ts'
import type { StateStore } from '../state/store.ts'
import type { SubTopology } from '../stream/sub-topologies.ts'
import type { Topic } from '../stream/topic.ts'
import type { Topology } from '../stream/topology.ts'
import { DriverLoop } from './driver-loop.ts'
import type { OutputRecord, ReadRecord } from './driver-outputs.ts'

/** When a driver starts, with how many partitions, and how it meets faults. */
export interface TestDriverOptions
  extends Pick<Environment, 'onCallbackError' | 'onProductionError' | 'onDecodeError'> {
  /** Wall-clock time at the start, ms; default 0. */
  readonly nowMs?: number
  /** Of each topic that the topology does not make for itself; default: as it is declared. */
  readonly partitions?: number
  /** Least wall-clock time between two looks for closed windows or unmatched join records; default 0: every record. */
  readonly emitIntervalMs?: number
  /** For the timeouts and retries of `mapAsync`; default: RxJS's own time, which is virtual inside of `TestScheduler.run`. */
  readonly clock?: Clock
  /** Called whenever what `settle` waits for has gone through, and with what has failed for good. */
  readonly answered?: (error?: unknown) => void
}

/** A record to be piped in. Null deletes a row where the topic is read as a table; elsewhere it is as the serde says. */
export interface InputRecord<K, V> extends PlainRecord<K, V | null> {
  /** Default: the one that the key says. */
  readonly partition?: number
}

/**
 * Runs a topology in this thread without a broker, as the runtime does: what is piped in goes as bytes through topics
 * with partitions, one task for each of them, and what a commit would write is written and read back. It is processed
 * to the end, through repartition topics too, before the call returns; only what a `mapAsync` or a serde waits for
 * comes later: `await driver.settle()`. Whatever the partitions, the order is the same each time. Throws `BAD_TOPOLOGY`
 * where topics that are joined have different numbers of partitions. Source: Kafka Streams `TopologyTestDriver`.
 *
 * @example
 * ```ts
 * const driver = new TestDriver(wordCount)
 * driver.pipe(lines, { key: 'poem', value: 'so so', timestampMs: 1 })
 * console.log(driver.read(counts).map(({ key, value }) => [key, value])) // [['so', 1], ['so', 2]]
 * ```
 */
export class TestDriver implements Queries {
  /**
   * A store's contents, with their types.
   *
   * @example
   * ```ts
   * const driver = new TestDriver(app)
   * driver.pipe(clicks, { key: 'ann', value: click, timestampMs: 1 })
   * console.log(driver.query(app.stores.clicksByUser).get('ann'))
   * ```
   */
  readonly query: Queries['query']
  /** All stores that can be asked, in order of declaration. */
  readonly queries: Queries['queries']
  /** @internal */
  readonly subTopologies: readonly SubTopology[]
  readonly #loop: DriverLoop
  #nowMs: number

  constructor(topology: Topology, options: TestDriverOptions = {}) {
    const { nowMs = 0, partitions, clock = systemClock, emitIntervalMs = 0, answered = () => {} } = options
    const { onCallbackError = () => 'fail', onProductionError, onDecodeError = 'dead-letter' } = options
    const layout = layOutAsDeclared(topology, partitions)
    this.#nowMs = nowMs
    this.subTopologies = layout.subTopologies.map(({ subTopology }) => subTopology)
    this.#loop = new DriverLoop({
      layout,
      settings: {
        clock,
        emitIntervalMs,
        onCallbackError,
        ...(onProductionError && { onProductionError }),
      },
      now: () => this.#nowMs,
      onDecodeError,
      answered,
    })
    const { query, queries } = queriesOf(topology, ({ name }) => ({
      here: () => this.#loop.tasks.storesOf(name),
      holds: () => true,
    }))
    this.query = query
    this.queries = queries
  }

  /**
   * Pipes records into a topic, each processed to the end before the next: written with the topic's serdes, read with
   * the topology's own. By its name alone a topic is written with those, too.
   */
  pipe<K, V>(topic: Topic<K, V>, ...records: readonly InputRecord<NoInfer<K>, NoInfer<V>>[]): void
  /** By the topic's name: written as the topology reads it. */
  pipe(topic: string, ...records: readonly InputRecord<unknown, unknown>[]): void
  pipe(topic: Topic<unknown, unknown> | string, ...records: readonly InputRecord<unknown, unknown>[]): void {
    for (const record of records) this.#pipe(topic, chunkOf([record]), record.partition)
  }

  /** Pipes a chunk into a topic at once, each record to where its key says: a fetch for each partition. */
  pipeChunk<K, V>(topic: Topic<K, V>, chunk: Chunk<NoInfer<K>, NoInfer<V> | null>): void
  /** By the topic's name: written as the topology reads it. */
  pipeChunk(topic: string, chunk: Chunk<unknown, unknown>): void
  pipeChunk(topic: Topic<unknown, unknown> | string, chunk: Chunk<unknown, unknown>): void {
    this.#pipe(topic, chunk)
  }

  /** Lets a source of the topology emit, at the wall-clock time that the driver has. */
  emit(source: string, ...values: readonly unknown[]): void {
    this.#loop.emit(source, values)
  }

  /**
   * Lets wall-clock time go on by `ms`: for punctuations, and whatever a step looks at now and then.
   *
   * @example
   * ```ts
   * driver.advanceWallClock(60_000)
   * ```
   */
  advanceWallClock(ms: number): void {
    this.#nowMs += ms
    for (const task of this.#loop.tasks.all) task.advanceWallClock(this.#nowMs)
    this.#loop.run()
  }

  /**
   * What was written to the topic since the last read of it, oldest first, as the topic's serdes read it; by its name
   * alone, as those of the step that has written it do. What can't be decoded is in `<topic>-dead-letters`, as bytes.
   * The name of a sink's step gives what the sink was given. Throws `DECODE_FAILED` for bytes that the serdes refuse.
   */
  read<K, V>(topic: Topic<K, V>): ReadRecord<K, V>[]
  /** By the topic's name, or a sink's step: as the step that has written it does. */
  read(topic: string): ReadRecord<unknown, unknown>[]
  read(topic: Topic<unknown, unknown> | string): ReadRecord<unknown, unknown>[] {
    return typeof topic === 'string'
      ? this.#loop.outputs.take(topic)
      : this.#loop.outputs.take(topic.name, topic)
  }

  /** What was written since the last read, of all topics. */
  readAll(): readonly OutputRecord[] {
    return this.#loop.outputs.takeAll()
  }

  /**
   * Resolves when nothing waits for a `mapAsync` or a serde; rejects with the error that has failed for good.
   *
   * @example
   * ```ts
   * driver.pipe(lines, { key: 'poem', value: 'so', timestampMs: 1 })
   * await driver.settle()
   * ```
   */
  settle(): Promise<void> {
    return this.#loop.settled()
  }

  /** Records that wait in a `mapAsync`, or for a serde. */
  get waiting(): number {
    return this.#loop.waiting
  }

  /** A store by its name, as the task of the partition has it. With several partitions `query` asks all of them. */
  store(name: string, partition?: number): StateStore | undefined {
    const stores = this.#loop.tasks.storesOf(name)
    if (partition !== undefined || stores.length <= 1) return stores[partition ?? 0]
    const message = `the store "${name}" has ${stores.length} parts: say of which partition, or ask with query()`
    throw new RivuletError('BAD_REQUEST', message, { place: { step: name } })
  }

  /** How many records were left out, all reasons together, as Kafka's `dropped-records-total`. */
  get dropped(): number {
    let sum = 0
    for (const { task } of this.#loop.tasks.all) for (const count of task.dropped.values()) sum += count
    return sum
  }

  #pipe(topic: Topic<unknown, unknown> | string, chunk: Chunk<unknown, unknown>, partition?: number): void {
    const name = typeof topic === 'string' ? topic : topic.name
    const read = this.#loop.tasks.inputOf(name)
    if (!read) {
      throw new RivuletError('BAD_TOPOLOGY', `nothing in this topology reads the topic "${name}"`, {
        place: { topic: name },
      })
    }
    this.#loop.pipe({ topic: name, serdes: typeof topic === 'string' ? read : topic, chunk, partition })
  }
}
