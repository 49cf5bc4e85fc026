import { Subject } from 'rxjs'
import { RivuletError } from '../errors.ts'
import { cut, slice } from '../operators/cut.ts'
import { filter } from '../operators/filter.ts'
import type { Dropped, DropReason, OperatorContext, StreamTime } from '../operators/operator.ts'
import { callbackError } from '../operators/operator.ts'
import type { Chunk } from '../records/chunk.ts'
import type { BindSerde } from '../serdes/bound-serde.ts'
import type { RowTable } from '../state/disk-table.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type {
  ExternalSinkNode,
  GraphNode,
  OperatorNode,
  Port,
  RepartitionNode,
  TopicSinkNode,
} from '../stream/graph.ts'
import type { SubTopology } from '../stream/sub-topologies.ts'
import { type CallbackErrorHandler, type Failure, failedRecord } from './failed-record.ts'
import { LateLog } from './late-log.ts'
import { TaskLoad } from './task-load.ts'
import { type TimedChunk, timeChunk } from './timed-chunk.ts'

type AnyChunk = Chunk<unknown, unknown>

/** Records that leave a task, by the node through which they do, in order. */
export interface TaskOutput {
  readonly node: TopicSinkNode | RepartitionNode | ExternalSinkNode
  readonly chunk: AnyChunk
}

/** How many records a step has let through. */
interface Total {
  records: number
}

/** Where records of an input come in. */
interface Entrance {
  readonly port: Subject<AnyChunk>
  readonly total: Total
}

/** What a task does that was not told otherwise. */
export const failAlways: CallbackErrorHandler = () => 'fail'

export interface TaskOptions {
  readonly subTopology: SubTopology
  /** Wall-clock time, ms. */
  readonly now: () => number
  readonly emitIntervalMs?: number
  /** What becomes of a record on which a user's callback throws; default: the task fails. */
  readonly onCallbackError?: CallbackErrorHandler
  /** Stores that live outside of the task: those of global tables. */
  readonly globalStores?: ReadonlyMap<string, StateStore>
  /** Tells a store's serdes where it stands; absent: in no topic. */
  readonly bind?: (spec: StoreSpec) => BindSerde
  /** Where a store's rows are that are not in memory; absent: all are. */
  readonly tableOf?: (spec: StoreSpec) => RowTable | undefined
}

/**
 * One sub-topology on one partition: takes a chunk in, and has its effects ready when it returns. Inside, everything
 * is synchronous, so the effects of one chunk belong together and can be committed together.
 */
export class Task {
  readonly subTopology: SubTopology
  readonly stores = new Map<string, StateStore>()
  /** Each operator's stream time by its step's name, and its kept times by `<step>/<name>`: saved with the offsets, restored before the first record. */
  readonly streamTimes = new Map<string, StreamTime>()
  /** How many records were left out, by reason. */
  readonly dropped = new Map<DropReason, number>()
  readonly late = new LateLog()
  /** Records that belong among the dead letters, as they fail; whoever runs the task sees to it. */
  readonly letters$ = new Subject<Failure>()
  /** Kept by whoever runs the task. */
  readonly load: TaskLoad
  readonly #options: TaskOptions
  readonly #onCallbackError: CallbackErrorHandler
  readonly #ports = new Map<string, Subject<AnyChunk>>()
  readonly #totals = new Map<string, Total>()
  readonly #inputs = new Map<GraphNode, Entrance>()
  readonly #ticks = new Subject<number>()
  readonly #heartbeats = new Subject<AnyChunk>()
  #outputs: TaskOutput[] = []
  #failure: { readonly error: unknown } | undefined

  constructor(options: TaskOptions) {
    this.#options = options
    this.load = new TaskLoad(options.now)
    this.#onCallbackError = options.onCallbackError ?? failAlways
    this.subTopology = options.subTopology
    for (const node of options.subTopology.nodes) this.#connect(node)
  }

  /** Takes in decoded records of an input of the sub-topology; throws what a callback or an operator threw. */
  process(input: GraphNode, chunk: AnyChunk): void {
    if (input.type !== 'topic-source' && input.type !== 'external-source') {
      this.processTimed(input, chunk)
      return
    }
    const timing = timeChunk(input, chunk, this.#onCallbackError)
    for (const { reason, failure } of timing.dropped) this.leaveOut(reason, failure)
    this.processTimed(input, timing.chunk)
  }

  /** The same for records whose event times are known, and whose heartbeats are told from the rest. */
  processTimed(input: GraphNode, chunk: TimedChunk): void {
    const entrance = this.#inputs.get(input)
    if (!entrance) throw new RivuletError('INTERNAL', `"${input.name}" is no input of this task`)
    if (chunk.heartbeats) this.#takeAround(chunk.heartbeats, entrance, chunk)
    else this.#take(entrance, chunk)
    this.#throwFailure()
  }

  #take({ port, total }: Entrance, chunk: AnyChunk): void {
    total.records += chunk.keys.length
    if (this.#options.subTopology.perRecord) {
      for (let i = 0; i < chunk.keys.length; i++) port.next(slice(chunk, i, i + 1))
    } else if (chunk.keys.length > 0) port.next(chunk)
  }

  /** Heartbeats have their place among the records, so that a replay closes the same windows at the same place. */
  #takeAround(heartbeats: ReadonlySet<number>, entrance: Entrance, chunk: AnyChunk): void {
    let from = 0
    for (let i = 0; i < chunk.keys.length; i++) {
      if (!heartbeats.has(chunk.offsets[i] as number)) continue
      this.#take(entrance, slice(chunk, from, i))
      this.#heartbeats.next(slice(chunk, i, i + 1))
      from = i + 1
    }
    this.#take(entrance, slice(chunk, from, chunk.keys.length))
  }

  /** Tells the operators what time it is on the wall clock. */
  advanceWallClock(nowMs: number): void {
    this.#ticks.next(nowMs)
    this.#throwFailure()
  }

  /** What has left the task since the last call, in order. */
  takeOutputs(): readonly TaskOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  /** Where event time has come to in its stateful steps; −Infinity: nowhere, or there are none. */
  get streamTimeMs(): number {
    let newestMs = Number.NEGATIVE_INFINITY
    for (const { ms } of this.streamTimes.values()) newestMs = Math.max(newestMs, ms)
    return newestMs
  }

  /** How many records each step has let through, by name. */
  get totals(): ReadonlyMap<string, number> {
    return new Map([...this.#totals].map(([name, { records }]) => [name, records]))
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error
  }

  /** Counts a record that was left out. */
  countDrop(reason: DropReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1)
  }

  /** Counts a record that was left out, and puts it among the dead letters where it belongs there. */
  leaveOut(reason: DropReason, failure?: Failure): void {
    this.countDrop(reason)
    if (failure) this.letters$.next(failure)
  }

  #connect(node: GraphNode): void {
    const total = this.#totals.get(node.name) ?? { records: 0 }
    this.#totals.set(node.name, total)
    if (node.type === 'operator') this.#connectOperator(node, total)
    else if (this.#isInput(node))
      this.#inputs.set(node, { port: this.#port({ node: node.id, port: 'main' }), total })
    else if ('input' in node) this.#collect(node, total)
  }

  #connectOperator(node: OperatorNode, total: Total): void {
    const out = this.#port({ node: node.id, port: 'main' })
    const operators = node.connect(this.#context(node))
    node.inputs.forEach((input, i) => {
      const results = operators[i]?.connect(this.#port(input))
      if (!results) return
      // A chunk may hold what several records have become: apart again, so that each goes on alone.
      const apart = this.#options.subTopology.perRecord && node.expands ? results.pipe(cut()) : results
      apart.subscribe({
        next: (chunk) => {
          total.records += chunk.keys.length
          out.next(chunk)
        },
        error: this.#fail,
      })
    })
  }

  #collect(node: TopicSinkNode | RepartitionNode | ExternalSinkNode, total: Total): void {
    const records = this.#port(node.input)
    const kept =
      node.type === 'repartition' && !node.nullKeys ? records.pipe(filter((_, key) => key !== null)) : records
    kept.subscribe({
      next: (chunk) => {
        this.#outputs.push({ node, chunk })
        total.records += chunk.keys.length
      },
      error: this.#fail,
    })
  }

  #isInput(node: GraphNode): boolean {
    if (node.type === 'topic-source' || node.type === 'external-source') return true
    const { subTopology } = this.#options
    return node.type === 'repartition' && 'inputs' in subTopology && subTopology.inputs.includes(node)
  }

  readonly #fail = (error: unknown): void => {
    this.#failure ??= { error }
  }

  #port({ node, port }: Port): Subject<AnyChunk> {
    const name = `${node}:${port}`
    const subject = this.#ports.get(name) ?? new Subject<AnyChunk>()
    this.#ports.set(name, subject)
    return subject
  }

  #context(node: OperatorNode): OperatorContext {
    const { now, emitIntervalMs = 0 } = this.#options
    const drop: OperatorContext['drop'] = (chunk, i, reason, details = {}) => {
      this.countDrop(reason)
      if (details.window) this.late.note(node.name, details.window)
      const dropped = droppedRecord(chunk, i, { reason, value: chunk.values[i], ...details })
      if (reason === 'late') this.#port({ node: node.id, port: 'late' }).next(dropped)
      this.#port({ node: node.id, port: 'dropped' }).next(dropped)
    }
    return {
      step: node.name,
      now,
      emitIntervalMs,
      streamTime: this.#time(node.name),
      keptTime: (name) => this.#time(`${node.name}/${name}`),
      heartbeats$: this.#heartbeats.asObservable(),
      ticks$: this.#ticks.asObservable(),
      store: <S extends StateStore>(spec: StoreSpec<S>) => this.#store(spec),
      drop,
      emitTo: (port, chunk) => this.#port({ node: node.id, port }).next(chunk),
      callbackFailed: (error, chunk, i) => {
        const placed = callbackError(node.name, error, chunk, i)
        if (placed.code !== 'CALLBACK_FAILED') throw placed
        const record = failedRecord(node.name, chunk, i)
        const outcome = this.#onCallbackError(placed, record)
        if (outcome === 'fail') throw placed
        if (outcome === 'dead-letter') this.letters$.next({ error: placed, record })
        drop(chunk, i, 'callback-failed')
      },
    }
  }

  #time(name: string): StreamTime {
    const time = this.streamTimes.get(name) ?? { ms: Number.NEGATIVE_INFINITY }
    this.streamTimes.set(name, time)
    return time
  }

  #store<S extends StateStore>(spec: StoreSpec<S>): S {
    // A name belongs to one spec in a topology, so what is found under it is what the spec makes.
    const known = this.stores.get(spec.name) ?? this.#options.globalStores?.get(spec.name)
    if (known) return known as S
    const store = spec.create(this.#options.bind?.(spec), this.#options.tableOf?.(spec))
    this.stores.set(spec.name, store)
    return store
  }
}

function droppedRecord(chunk: AnyChunk, i: number, value: Dropped<unknown>): AnyChunk {
  return {
    topic: chunk.topic,
    partition: chunk.partition,
    keys: [chunk.keys[i]],
    values: [value],
    timestampsMs: [chunk.timestampsMs[i] as number],
    offsets: [chunk.offsets[i] as number],
  }
}
