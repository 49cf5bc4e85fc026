import { layOutAsDeclared } from '../../runtime/layout.ts'
import type { Topic } from '../../stream/topic.ts'
import type { Topology } from '../../stream/topology.ts'
import type { CommittedView } from './committed-view.ts'
import { add, missingOf, type OutputOrder, surplusOf, type Violation } from './comparison.ts'
import type { DriverTwin } from './driver-twin.ts'
import { emitsAtOnce, inputsOf, outputsOf, type PlacedRecord } from './plan.ts'

/** The end of a transaction comes to one partition after the other, and each waits for the medium, which may be slow. */
const unevenMsMax = 300

interface Input {
  readonly topic: string
  readonly partition: number
  /** In the order of their offsets, each with its place in the plan. */
  readonly records: readonly Ordered[]
  /** Each instance reads it for itself, and commits no offset. */
  readonly isGlobal: boolean
  /** Its offsets are committed by the tasks that process it; a sink knows itself how far it has come. */
  readonly isCommitted: boolean
  /** How many the twin has been given. */
  given: number
  /** Up to here a reader could read. */
  endOffset: number
}

interface Ordered {
  readonly order: number
  readonly record: PlacedRecord
}

interface Output {
  readonly topic: Topic<unknown, unknown>
  readonly partition: number
  nextOffset: number
}

/** Of a source, by its name. */
export interface Emission {
  readonly source: string
  readonly value: unknown
}

type View = Pick<CommittedView, 'committed' | 'endOffset' | 'read'>

export interface WatcherOptions {
  readonly topology: Topology
  readonly records: readonly PlacedRecord[]
  /** What the source emits once it has been sent all messages. */
  readonly emissions?: readonly Emission[]
  readonly order: OutputOrder
  /** It has been given nothing yet. */
  readonly twin: DriverTwin
  /** Makes another one of it. */
  readonly newTwin: () => DriverTwin
  /** Asks to be looked at again by then, also if nothing happens. */
  readonly lookAgain?: (inMs: number) => void
}

/**
 * Looks at what a reader of committed records can see, as often as that has changed, and holds it to a test driver that is
 * given each input as soon as the offset behind it is committed: so at any moment the outputs are what the inputs below the
 * committed offsets make, and nothing else. No offset says how far a source is: what it emits counts from the beginning.
 */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #inputs: readonly Input[]
  readonly #outputs: readonly Output[]
  readonly #emitsAtOnce: boolean
  readonly #seen = new Map<string, string[]>()
  /** Grows with each offset that is committed and each record that becomes visible. */
  #progress = -1
  /** What can never become right again. */
  #lost: readonly Violation[] = []
  #uneven: { readonly sinceMs: number; readonly violations: readonly Violation[] } | undefined
  #missing: readonly string[] = []
  /** Made when it is needed. */
  #ofAll: DriverTwin | undefined

  constructor(options: WatcherOptions) {
    const { topology, records, emissions = [], twin } = options
    this.#options = options
    this.#emitsAtOnce = emitsAtOnce(topology) && emissions.length === 0
    for (const { source, value } of emissions) twin.emit(source, value)
    this.#inputs = inputPartitions(topology, records)
    this.#outputs = [...outputsOf(topology).values()].flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => ({ topic, partition, nextOffset: 0 })),
    )
  }

  /** What does not hold, for longer than it may. */
  look(view: View, nowMs: number): readonly Violation[] {
    for (const input of this.#inputs) this.#checkEnd(input, view)
    const progress = this.#progressOf(view)
    if (progress !== this.#progress) {
      this.#progress = progress
      this.#giveCommitted(view)
      this.#readOutputs(view)
      const violations = this.#compare()
      if (violations.length > 0 && !this.#uneven) this.#options.lookAgain?.(unevenMsMax + 1)
      this.#uneven =
        violations.length > 0 ? { sinceMs: this.#uneven?.sinceMs ?? nowMs, violations } : undefined
    }
    if (this.#lost.length > 0) return this.#lost
    return this.#uneven && nowMs - this.#uneven.sinceMs > unevenMsMax ? this.#uneven.violations : []
  }

  /** Whether every input has been applied, and all that comes of it is there. */
  get isComplete(): boolean {
    return this.missing.length === 0 && this.#uneven === undefined
  }

  get missing(): readonly string[] {
    const behind = this.#inputs.filter(({ given, records }) => given < records.length)
    return [
      ...behind.map(
        ({ topic, partition, given, records }) =>
          `${topic}/${partition} is committed up to ${given} of ${records.length}`,
      ),
      ...this.#missing,
    ]
  }

  #progressOf(view: View): number {
    let progress = 0
    for (const input of this.#inputs) progress += this.#applied(input, view)
    for (const { topic, partition } of this.#outputs) progress += view.endOffset(topic.name, partition)
    return progress
  }

  #applied({ topic, partition, isGlobal }: Input, view: View): number {
    return isGlobal
      ? view.endOffset(topic, partition)
      : view.committed(this.#options.topology.name, topic, partition)
  }

  /** In the order of the plan, as far as the offsets allow. */
  #giveCommitted(view: View): void {
    const fresh: Ordered[] = []
    for (const input of this.#inputs) {
      const applied = this.#applied(input, view)
      if (applied < input.given && input.isCommitted) this.#noteWentBack(input, applied)
      fresh.push(...input.records.slice(input.given, applied))
      input.given = Math.max(input.given, applied)
    }
    fresh.sort((a, b) => a.order - b.order)
    for (const { record } of fresh) this.#options.twin.give(record)
  }

  #noteWentBack({ topic, partition, given }: Input, applied: number): void {
    const detail = `${topic}/${partition} was committed up to ${given}, and is up to ${applied} now`
    this.#lost = [{ invariant: 'offsets do not go back', detail }]
  }

  /** Others than these instances may have read it, too. */
  #checkEnd(input: Input, view: View): void {
    const { topic, partition } = input
    const endOffset = view.endOffset(topic, partition)
    if (endOffset < input.endOffset) {
      const detail = `${topic}/${partition} could be read up to ${input.endOffset}, and ends at ${endOffset} now`
      this.#lost = [{ invariant: 'what was read stays', detail }]
    }
    input.endOffset = endOffset
  }

  #readOutputs(view: View): void {
    for (const output of this.#outputs) {
      const { topic, partition } = output
      const { records, nextOffset } = view.read(topic.name, partition, output.nextOffset)
      for (const { key, value } of records) add(this.#seen, topic.name, key, value)
      output.nextOffset = nextOffset
    }
  }

  #compare(): readonly Violation[] {
    const { order, twin } = this.#options
    this.#missing = missingOf(order, twin.written, this.#seen)
    const surplus = this.#surplus()
    if (surplus.length > 0 || !this.#emitsAtOnce || order === 'latest') return surplus
    return this.#missing.map((detail) => ({ invariant: 'offsets are not ahead of outputs', detail }))
  }

  /** What comes of inputs that are not committed yet was seen too early; what comes of none is wrong for good. */
  #surplus(): readonly Violation[] {
    const { order, twin, newTwin, records, emissions = [] } = this.#options
    const early = surplusOf(order, twin.written, this.#seen)
    if (early.length === 0) return early
    if (!this.#ofAll) {
      this.#ofAll = newTwin()
      for (const { source, value } of emissions) this.#ofAll.emit(source, value)
      for (const record of records) this.#ofAll.give(record)
    }
    const wrong = surplusOf(order, this.#ofAll.written, this.#seen)
    return wrong.length > 0
      ? wrong
      : early.map(({ detail }) => ({ invariant: 'no half of a transaction is seen', detail }))
  }
}

function inputPartitions(topology: Topology, records: readonly PlacedRecord[]): Input[] {
  const globals = new Set(
    topology.nodes.flatMap((node) => (node.type === 'topic-source' && node.global ? [node.topic.name] : [])),
  )
  const committed = new Set(
    layOutAsDeclared(topology)
      .subTopologies.filter(({ subTopology }) => subTopology.kind === 'stream')
      .flatMap(({ inputs }) => inputs.map(({ topic }) => topic)),
  )
  const ordered = records.map((record, order) => ({ record, order }))
  return [...inputsOf(topology).values()].flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({
      topic: name,
      partition,
      records: ordered.filter(({ record }) => record.topic === name && record.partition === partition),
      isGlobal: globals.has(name),
      isCommitted: committed.has(name),
      given: 0,
      endOffset: 0,
    })),
  )
}
