import { checked, oneOf, required } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { Serde } from '../serdes/serde.ts'
import { nonNull } from '../serdes/serdes.ts'
import type { StoreSpec } from '../state/store.ts'
import type { JoinWindow } from '../windows/join-window.ts'
import { joinedKey } from './assumed-key.ts'
import { checkOneTopology, type Stage } from './builder.ts'
import type { ForeignKey } from './foreign-key-join.ts'
import { GlobalTable } from './global-table.ts'
import { type Named, placeOf, type StepSpec, splitName } from './named.ts'
import { Stream } from './stream.ts'
import {
  joinRows,
  joinStreams,
  keyed,
  type RowJoinOptions,
  type StreamJoinSerdes,
  written,
} from './stream-joins.ts'
import type { Table } from './table.ts'

/** A stream that is joined with another one, near it in time. `JK` and `S`: the key and the match, as they may be missing. */
export type WithStream<K, JK, V, R, S, J> = readonly [
  other: Stream<K, R> | Stream<K | null, R> | Stream<NonNullable<K>, R>,
  joiner: (left: NonNullable<V>, right: S, key: JK) => J,
  window: JoinWindow,
  options?: StreamJoinSerdes<NonNullable<K>, NonNullable<V>, NonNullable<R>, J>,
]

/** A stream that is joined with the table's row of its key. */
export type WithTable<K, JK, V, R, T, J> = readonly [
  table: Table<K, R> | Table<NonNullable<K>, R>,
  joiner: (value: NonNullable<V>, row: T, key: JK) => J,
  options?: RowJoinOptions<NonNullable<K>, NonNullable<V>, J>,
]

/** A stream that is joined with the row of a global table that its foreign key names. */
export type WithGlobalTable<K, V, FK, R, T, J> = readonly [
  table: GlobalTable<FK, R>,
  on: ForeignKey<K, NonNullable<V>, FK>,
  joiner: (value: NonNullable<V>, row: T, key: K) => J,
]

type WithAny<K, JK, V, FK, R, S, T, J> =
  | WithStream<K, JK, V, R, S, J>
  | WithTable<K, JK, V, R, T, J>
  | WithGlobalTable<K, V, FK, R, T, J>

/**
 * Joins a stream with whatever the arguments name first; in a left join a record without a match has a result too.
 * Throws `BAD_TOPOLOGY` where a record shall wait for the past of a table that keeps none.
 */
export function joinWith<K, JK, V, FK, R, S, T, J>(
  stage: Stage<K, V>,
  kind: 'join' | 'leftJoin',
  args: Named<WithAny<K, JK, V, FK, R, S, T, J>>,
): Stage<K, J> {
  const [{ name = stage.builder.graph.freeName(kind) }, ...rest] =
    splitName<WithAny<K, JK, V, FK, R, S, T, J>>(args)
  const step = { kind, name }
  const left = kind === 'leftJoin'
  required({ other: rest[0], joiner: rest[1] }, { step: name })
  if (isWithStream(rest)) return withStream<K, JK, V, R, S, J>(stage, step, rest, left)
  return isWithGlobalTable(rest)
    ? withGlobalTable(stage, step, rest, left)
    : withTable(stage, step, rest, left)
}

function isWithStream<K, JK, V, FK, R, S, T, J>(
  args: WithAny<K, JK, V, FK, R, S, T, J>,
): args is WithStream<K, JK, V, R, S, J> {
  return args[0] instanceof Stream
}

function isWithGlobalTable<K, JK, V, FK, R, S, T, J>(
  args: WithAny<K, JK, V, FK, R, S, T, J>,
): args is WithGlobalTable<K, V, FK, R, T, J> {
  return args[0] instanceof GlobalTable
}

function withStream<K, JK, V, R, S, J>(
  stage: Stage<K, V>,
  step: StepSpec,
  [other, joiner, window, options]: WithStream<K, JK, V, R, S, J>,
  left: boolean,
): Stage<K, J> {
  required({ window }, placeOf(step))
  oneOf({ 'window.kind': window.kind }, ['join'], placeOf(step))
  const spec = { ...step, joiner: anyMatch(joiner), window, outer: { left, right: false }, ...options }
  return joinStreams(stage, other.stage, spec) as Stage<K, J>
}

function withTable<K, JK, V, R, T, J>(
  stage: Stage<K, V>,
  step: StepSpec & { readonly name: string },
  [table, joiner, options = {}]: WithTable<K, JK, V, R, T, J>,
  outer: boolean,
): Stage<K, J> {
  const { graceMs } = options
  const { stores, open } = table.rows.view()
  checkOneTopology(stage, table.stage, step.name)
  if (graceMs !== undefined) checkGrace(graceMs, table.rows.versioned, stores, step.name)
  const { key = nonNull(joinedKey(stage, table.stage) as Serde<K>), left = nonNull(stage.value) } = options
  const records = keyed(written(stage, key, left), step.name, outer)
  const spec = { ...step, joiner: anyMatch(joiner), outer, ...options }
  return joinRows(records, { stores, rows: open }, spec)
}

/** Throws `BAD_TOPOLOGY` where a record would wait for a past that the table does not keep. */
function checkGrace(graceMs: number, versioned: boolean, stores: readonly StoreSpec[], step: string): void {
  const place = { step, parameter: 'graceMs' }
  checked({ graceMs }, 0, 'BAD_TOPOLOGY', { step })
  if (!versioned) {
    const message = `"${step}" waits graceMs for a table that is not versioned: it keeps no past to look at`
    throw new RivuletError('BAD_TOPOLOGY', message, { place })
  }
  for (const { name, retentionMs = 0 } of stores) {
    if (graceMs <= retentionMs) continue
    const message = `"${step}" waits ${graceMs} ms, but "${name}" keeps ${retentionMs} ms of its past: versionedMs must be at least graceMs`
    throw new RivuletError('BAD_TOPOLOGY', message, { place })
  }
}

function withGlobalTable<K, V, FK, R, T, J>(
  stage: Stage<K, V>,
  step: StepSpec & { readonly name: string },
  [global, { foreignKey }, joiner]: WithGlobalTable<K, V, FK, R, T, J>,
  outer: boolean,
): Stage<K, J> {
  checkOneTopology(stage, global.stage, step.name)
  required({ foreignKey, joiner }, placeOf(step))
  const table = { stores: [], rows: global.view.open }
  return joinRows(stage, table, { ...step, foreignKey, joiner: anyMatch(joiner), outer })
}

/** Whether a match or a key may be missing is said by the method's types; behind them one operator serves all. */
function anyMatch<L, R, JK, J>(joiner: (left: L, right: R, key: JK) => J) {
  return (left: unknown, right: unknown, key: unknown) => joiner(left as L, right as R, key as JK)
}
