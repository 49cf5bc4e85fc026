import { lastHeader } from '../../records/chunk.ts'
import { type InputLayout, isTaskLayout, layOutAsDeclared, type StoreLayout } from '../../runtime/layout.ts'
import { readInt64At } from '../../serdes/int64.ts'
import type { StoreSpec } from '../../state/store.ts'
import { deadLetterTopicOf } from '../../stream/topic-name.ts'
import type { Topology } from '../../stream/topology.ts'
import type { CommittedView } from './committed-view.ts'
import type { Violation } from './comparison.ts'
import { type ChangelogContents, change, type DriverTwin } from './driver-twin.ts'
import type { RowPlace, SimulatedClickHouse } from './simulated-clickhouse.ts'

type View = Pick<CommittedView, 'read'>
type GroupView = Pick<CommittedView, 'read' | 'committed'>

interface StorePart extends StoreLayout {
  readonly partition: number
}

interface InputPartition {
  readonly topic: string
  readonly partition: number
}

/** What must hold when everything has been processed, beside the outputs. */
export class SettledChecks {
  readonly #stores: readonly StorePart[]
  readonly #application: string
  readonly #sinkInputs: readonly InputPartition[]
  /** What tasks read that tasks have written. */
  readonly #internalInputs: readonly InputPartition[]

  constructor(topology: Topology) {
    const { application, subTopologies } = layOutAsDeclared(topology)
    this.#application = application
    this.#stores = subTopologies
      .filter(isTaskLayout)
      .flatMap(({ stores, tasks }) =>
        stores
          .filter(({ isChangelog }) => isChangelog)
          .flatMap((store) => Array.from({ length: tasks }, (_, partition) => ({ ...store, partition }))),
      )
    const ofSinks = subTopologies.filter(({ subTopology }) => subTopology.kind === 'sink')
    this.#sinkInputs = partitionsOf(ofSinks.flatMap(({ inputs }) => inputs))
    this.#internalInputs = partitionsOf(
      subTopologies.flatMap(({ inputs }) => inputs.filter(({ internal }) => internal)),
    )
  }

  /** What lies between two tasks and is not applied yet: without it the latest outputs may be right for the moment only. */
  unread(view: GroupView): string[] {
    return this.#internalInputs
      .filter(({ topic, partition }) => {
        const committed = view.committed(this.#application, topic, partition)
        return view.read(topic, partition, committed).records.length > 0
      })
      .map(({ topic, partition }) => `${topic}/${partition} is not read to its end`)
  }

  /** Whether the changelogs, from which stores come back, hold what those of the test driver do. */
  stores(twin: Pick<DriverTwin, 'changelogs'>, view: View): Violation[] {
    return this.#stores.flatMap(({ topic, partition, spec }) => {
      const found: ChangelogContents = new Map()
      for (const record of view.read(topic, partition, 0).records) change(found, partition, record)
      const expected = ofPartition(twin.changelogs.get(topic) ?? new Map(), partition)
      return differing(expected, found, spec).map((of) => ({
        invariant: 'stores are as outputs',
        detail: `${topic} has ${shown(found, of)} under ${JSON.stringify(of)}, for ${shown(expected, of)}`,
      }))
    })
  }

  /** Whether each record of a topic that a sink reads is in its table once, in order, or was refused there and is a dead letter. */
  tables(clickhouse: Pick<SimulatedClickHouse, 'tables' | 'parts' | 'refused'>, view: View): Violation[] {
    const rows = clickhouse.tables.flatMap((table) => clickhouse.parts(table)).flat()
    return this.#sinkInputs.flatMap((input) => {
      const name = `${input.topic}/${input.partition}`
      const refused = new Set(offsetsOf(clickhouse.refused, input))
      const { records } = view.read(input.topic, input.partition, 0)
      const expected = records.map(({ offset }) => offset).filter((offset) => !refused.has(offset))
      return [
        ...different(`the rows of ${name}`, offsetsOf(rows, input), expected),
        ...different(`the dead letters of ${name}`, lettersOf(input, view), [...refused].toSorted(byNumber)),
      ]
    })
  }
}

function partitionsOf(inputs: readonly InputLayout[]): InputPartition[] {
  return inputs.flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  )
}

function offsetsOf(places: readonly RowPlace[], { topic, partition }: InputPartition): number[] {
  return places
    .filter((place) => place.topic === topic && place.partition === partition)
    .map(({ offset }) => offset)
}

/** Those of its records that are dead letters: each once, as a letter may be written again. */
function lettersOf({ topic, partition }: InputPartition, view: View): number[] {
  const offsets = view
    .read(deadLetterTopicOf(topic), 0, 0)
    .records.filter(({ headers = [] }) => lastHeader(headers, 'partition')?.toString() === String(partition))
    .map(({ headers = [] }) => Number(lastHeader(headers, 'offset')))
  return [...new Set(offsets)].toSorted(byNumber)
}

function different(what: string, found: readonly number[], expected: readonly number[]): Violation[] {
  if (found.join() === expected.join()) return []
  const detail = `${what} are of offsets ${found.join()}, for ${expected.join()}`
  return [{ invariant: 'tables have each row once', detail }]
}

const byNumber = (a: number, b: number) => a - b

function ofPartition(contents: ChangelogContents, partition: number): ChangelogContents {
  return new Map([...contents].filter(([, value]) => value.partition === partition))
}

/** The keys under which there is something else. What a store has forgotten may be gone, or stand as it once was. */
function differing(
  expected: ChangelogContents,
  found: ChangelogContents,
  { kind, retentionMs = Infinity }: StoreSpec,
): string[] {
  const timeOf = ([of, { timestampMs }]: ChangelogEntry) => (kind === 'window' ? startMsOf(of) : timestampMs)
  const horizonMs = Math.max(...[...expected].map(timeOf)) - retentionMs
  const wrong = [...found].filter(([of, { text }]) => expected.get(of)?.text !== text)
  const missing = [...expected].filter(([of]) => !found.has(of))
  return [...wrong, ...missing].filter((entry) => timeOf(entry) > horizonMs).map(([of]) => of)
}

type ChangelogEntry = readonly [string, { readonly timestampMs: number }]

/** The key of a window ends with its start; that of a join's record with its number, beside which none of them is old. */
function startMsOf(of: string): number {
  return readInt64At(Buffer.from(of.slice(-8), 'latin1'), 0)
}

function shown(contents: ChangelogContents, of: string): string {
  const value = contents.get(of)
  return value === undefined ? 'nothing' : JSON.stringify(value.text)
}
