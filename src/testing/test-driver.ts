import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { type Chunk, chunkOf, type PlainRecord, recordsOf } from '../records/chunk.ts'
import { AsyncCalls, callingNodes } from '../runtime/async-calls.ts'
import { type Queries, queriesOf } from '../runtime/queries.ts'
import { sourceChunk } from '../runtime/source-chunk.ts'
import { Task, type TaskOutput } from '../runtime/task.ts'
import type { StateStore } from '../state/store.ts'
import { type GraphNode, isChooser } from '../stream/graph.ts'
import { type SubTopology, subTopologiesOf, type TopicInput } from '../stream/sub-topologies.ts'
import type { Topic } from '../stream/topic.ts'
import type { Topology } from '../stream/topology.ts'

type AnyChunk = Chunk<unknown, unknown>

export interface TestDriverOptions {
  /** Wall-clock time at the start, ms; default 0. */
  readonly nowMs?: number
  /** Least wall-clock time between two looks for closed windows or unmatched join records; default 0: every record. */
  readonly emitIntervalMs?: number
  /** For the timeouts and retries of `mapAsync`; default: RxJS's own time, which is virtual inside of `TestScheduler.run`. */
  readonly clock?: Clock
  /** Called whenever the answers of `mapAsync` have gone through, and with the error of a call that has failed for good. */
  readonly answered?: (error?: RivuletError) => void
}

/** A record that came out, with the topic that it was written to. */
export interface OutputRecord extends PlainRecord<unknown, unknown> {
  readonly topic: string
}

/**
 * Runs a topology in this thread without a broker, on one partition: what is piped in is processed to the end, through
 * repartition topics too, before the call returns; only
 * what a `mapAsync` waits for comes later: `await driver.settle()`. Source: Kafka Streams `TopologyTestDriver`.
 */
export class TestDriver implements Queries {
  /** A store's contents, with their types. */
  readonly query: Queries['query']
  readonly queries: Queries['queries']
  readonly subTopologies: readonly SubTopology[]
  readonly #tasks: ReadonlyMap<SubTopology, Task>
  readonly #calls: ReadonlyMap<GraphNode, AsyncCalls>
  readonly #queue: { readonly topic: string; readonly chunk: AnyChunk }[] = []
  readonly #offsets = new Map<string, number>()
  /** As they came: records are made of them when somebody reads. */
  #outputs: { readonly topic: string; readonly chunk: AnyChunk }[] = []
  #nowMs: number
  #isRunning = false

  constructor(topology: Topology, options: TestDriverOptions = {}) {
    const { nowMs = 0, emitIntervalMs = 0 } = options
    this.#nowMs = nowMs
    this.subTopologies = subTopologiesOf(topology)
    const globalStores = new Map<string, StateStore>()
    const now = () => this.#nowMs
    const tasks = new Map<SubTopology, Task>()
    // Global tables first: the other tasks look into their stores.
    const globalFirst = this.subTopologies.toSorted(
      (a, b) => Number(b.kind === 'global') - Number(a.kind === 'global'),
    )
    for (const subTopology of globalFirst) {
      const task = new Task({ subTopology, now, emitIntervalMs, globalStores })
      if (subTopology.kind === 'global')
        for (const [name, store] of task.stores) globalStores.set(name, store)
      tasks.set(subTopology, task)
    }
    this.#tasks = tasks
    this.#calls = this.#makeCalls(options)
    const { query, queries } = queriesOf(topology, ({ name }) => ({
      here: () => [...tasks.values()].flatMap((task) => task.stores.get(name) ?? []).slice(0, 1),
      holds: () => true,
    }))
    this.query = query
    this.queries = queries
  }

  /** Pipes records into a topic, each processed to the end before the next. */
  pipe<K, V>(topic: Topic<K, V> | string, ...records: readonly PlainRecord<K, V>[]): void {
    for (const record of records) this.pipeChunk(topic, chunkOf([record]))
  }

  /** Pipes a chunk into a topic at once, as a fetch from a broker would. */
  pipeChunk<K, V>(topic: Topic<K, V> | string, chunk: Chunk<K, V>): void {
    const name = typeof topic === 'string' ? topic : topic.name
    if (this.#inputs(name).length === 0) {
      throw new RivuletError('BAD_TOPOLOGY', `nothing in this topology reads the topic "${name}"`, {
        place: { topic: name },
      })
    }
    this.#append(name, chunk)
    this.#run()
  }

  /** Lets a source of the topology emit, at the wall-clock time that the driver has. */
  emit(source: string, ...values: readonly unknown[]): void {
    for (const [subTopology, task] of this.#tasks) {
      if (subTopology.kind !== 'source' || subTopology.source.name !== source) continue
      for (const value of values) {
        task.process(subTopology.source, sourceChunk(subTopology.source, [value], this.#nowMs))
        this.#collect(task.takeOutputs())
        this.#run()
      }
      return
    }
    throw new RivuletError('BAD_TOPOLOGY', `no source of this topology is named "${source}"`, {
      place: { step: source },
    })
  }

  advanceWallClock(ms: number): void {
    this.#nowMs += ms
    for (const task of this.#tasks.values()) {
      task.advanceWallClock(this.#nowMs)
      this.#collect(task.takeOutputs())
    }
    this.#run()
  }

  /** What was written to the topic since the last read of it, oldest first. */
  read<K, V>(topic: Topic<K, V>): PlainRecord<K, V>[]
  read(topic: string): PlainRecord<unknown, unknown>[]
  read(topic: { readonly name: string } | string): PlainRecord<unknown, unknown>[] {
    const name = typeof topic === 'string' ? topic : topic.name
    const records: PlainRecord<unknown, unknown>[] = []
    const others: { readonly topic: string; readonly chunk: AnyChunk }[] = []
    for (const output of this.#outputs) {
      if (output.topic !== name) others.push(output)
      else for (const record of recordsOf(output.chunk)) records.push(record)
    }
    this.#outputs = others
    return records
  }

  /** What was written since the last read, of all topics. */
  readAll(): readonly OutputRecord[] {
    const read = this.#outputs
    this.#outputs = []
    return read.flatMap(({ topic, chunk }) => recordsOf(chunk).map((record) => ({ topic, ...record })))
  }

  /** Resolves when no `mapAsync` waits for anything; rejects with the error of a call that has failed for good. */
  async settle(): Promise<void> {
    while (this.waiting > 0) await Promise.all([...this.#calls.values()].map((calls) => calls.settled()))
    for (const calls of this.#calls.values()) await calls.settled()
  }

  /** Records that wait in a `mapAsync`. */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.#calls.values()) sum += waiting
    return sum
  }

  /** A store by its name, as the task that has it sees it. */
  store(name: string): StateStore | undefined {
    for (const task of this.#tasks.values()) {
      const store = task.stores.get(name)
      if (store) return store
    }
    return undefined
  }

  /** How many records were left out, all reasons together, as Kafka's `dropped-records-total`. */
  get dropped(): number {
    let sum = 0
    for (const task of this.#tasks.values()) for (const count of task.dropped.values()) sum += count
    return sum
  }

  #makeCalls({ clock = systemClock, answered }: TestDriverOptions): ReadonlyMap<GraphNode, AsyncCalls> {
    const nodes = this.subTopologies.flatMap(callingNodes)
    return new Map(
      nodes.map((node) => [
        node,
        new AsyncCalls({
          node,
          clock,
          answered: (chunk) => {
            this.#append(node.topicName, chunk)
            this.#run()
            answered?.()
          },
          failed: (error) => {
            answered?.(error)
            return 'fail'
          },
        }),
      ]),
    )
  }

  #run(): void {
    if (this.#isRunning) return // an answer that came at once
    this.#isRunning = true
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        for (const { task, input } of this.#inputs(next.topic)) {
          task.process(input, next.chunk)
          this.#collect(task.takeOutputs())
        }
      }
    } finally {
      this.#isRunning = false
    }
  }

  #collect(outputs: readonly TaskOutput[]): void {
    for (const { node, chunk } of outputs) {
      const calls = this.#calls.get(node)
      if (calls) calls.push(chunk)
      else if (node.type === 'repartition') this.#append(node.topicName, chunk)
      else if (node.type === 'external-sink') this.#emit(node.name, chunk)
      else if (!isChooser(node.topic)) this.#write(node.topic.name, chunk)
      else {
        const { topic: chooser } = node
        for (const record of recordsOf(chunk))
          this.#write(chooser.choose(record.value, record.key), chunkOf([record]))
      }
    }
  }

  #write(topic: string, chunk: AnyChunk): void {
    this.#emit(topic, chunk)
    if (this.#inputs(topic).length > 0) this.#append(topic, chunk)
  }

  #emit(topic: string, chunk: AnyChunk): void {
    this.#outputs.push({ topic, chunk })
  }

  #append(topic: string, chunk: AnyChunk): void {
    const from = this.#offsets.get(topic) ?? 0
    this.#offsets.set(topic, from + chunk.keys.length)
    this.#queue.push({
      topic,
      chunk: { ...chunk, topic, partition: 0, offsets: chunk.keys.map((_, i) => from + i) },
    })
  }

  #inputs(topic: string): { task: Task; input: TopicInput }[] {
    const found: { task: Task; input: TopicInput }[] = []
    for (const [subTopology, task] of this.#tasks) {
      if (!('inputs' in subTopology)) continue
      for (const input of subTopology.inputs) {
        if ((input.type === 'repartition' ? input.topicName : input.topic.name) === topic)
          found.push({ task, input })
      }
    }
    return found
  }
}
