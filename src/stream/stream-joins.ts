import type { OperatorContext } from '../operators/operator.ts'
import { streamJoin } from '../operators/stream-join.ts'
import { streamTableJoin } from '../operators/stream-table-join.ts'
import type { OuterSides } from '../operators/table-join.ts'
import type { Serde } from '../serdes/serde.ts'
import { nonNull, nullable, serdes } from '../serdes/serdes.ts'
import { joinStore } from '../state/join-store.ts'
import type { RowReader } from '../state/row-reader.ts'
import type { StoreSpec } from '../state/store.ts'
import { timeBuffer } from '../state/time-buffer.ts'
import { unmatchedStore } from '../state/unmatched-store.ts'
import type { JoinWindow } from '../windows/join-window.ts'
import { joinedKey } from './assumed-key.ts'
import { checkOneTopology, type Stage, untyped } from './builder.ts'
import { repartition } from './repartition.ts'

interface JoinSpec {
  readonly kind: string
  readonly name?: string
}

/** How a join writes what it keeps or sends on, where that differs from what is known of it. */
export interface StreamJoinSerdes<K, L, R, J> {
  /** Of both sides; default: the left stream's. */
  readonly key?: Serde<K>
  /** Of the left values that wait for a match; default: the left stream's. */
  readonly left?: Serde<L>
  /** Of the right values that wait for a match; default: the right stream's. */
  readonly right?: Serde<R>
  /** Of the result; default JSON. */
  readonly value?: Serde<J>
}

export interface StreamJoinSpec<K, L, R, J> extends JoinSpec, StreamJoinSerdes<NonNullable<K>, L, R, J> {
  readonly joiner: (left: L | null, right: R | null, key: K) => J
  readonly window: JoinWindow
  readonly outer: OuterSides
}

/** Two streams joined by key and time; a side whose key may have changed is repartitioned first. */
export function joinStreams<K, K2, L, R, J>(
  left: Stage<K, L>,
  right: Stage<K2, R>,
  spec: StreamJoinSpec<K | K2, NonNullable<L>, NonNullable<R>, J>,
): Stage<K | K2, J> {
  type Key = NonNullable<K | K2>
  const { kind, joiner, window, outer, value = serdes.json<J>() } = spec
  const { builder } = left
  const name = spec.name ?? builder.graph.freeName(kind)
  checkOneTopology(left, right, name)
  const key = spec.key ?? nonNull(joinedKey(left, right) as Serde<K | K2>)
  const leftValue = spec.left ?? nonNull(left.value)
  const rightValue = spec.right ?? nonNull(right.value)
  const sides = {
    left: keyed(written(left, key, leftValue), `${name}-left`, outer.left),
    right: keyed(written(right, key, rightValue), `${name}-right`, outer.right),
  }
  const retentionMs = window.beforeMs + window.afterMs + window.graceMs
  const stores = {
    left: joinStore({ name: `${name}-left`, key, value: leftValue, retentionMs }),
    right: joinStore({ name: `${name}-right`, key, value: rightValue, retentionMs }),
  }
  const isOuter = outer.left || outer.right
  const unmatched = isOuter
    ? unmatchedStore({ name: `${name}-unmatched`, key, left: leftValue, right: rightValue })
    : undefined
  const port = builder.graph.add({
    type: 'operator',
    kind,
    name,
    inputs: [sides.left.port, sides.right.port],
    stores: [stores.left, stores.right, ...(unmatched ? [unmatched] : [])],
    expands: true,
    stateless: false,
    windows: window,
    connect(context) {
      const options = {
        window,
        ...stores,
        joiner: (l: NonNullable<L> | null, r: NonNullable<R> | null, k: Key | null) =>
          joiner(l, r, k as K | K2),
        ...(unmatched && { outer: { ...outer, unmatched } }),
      }
      const [fromLeft, fromRight] = streamJoin<Key, NonNullable<L>, NonNullable<R>, J>(options, context)
      return [untyped(fromLeft), untyped(fromRight)]
    },
  })
  const resultKey = isOuter && (left.key.nullable || right.key.nullable) ? nullable(key) : key
  return { builder, port, key: resultKey as Serde<K | K2>, value, rekeyed: false }
}

/** How a stream's records wait for a table, and how they are written. */
export interface RowJoinOptions<K, V, J> {
  /**
   * Of a versioned table: each record waits until stream time has passed it by this, so that a late update of the table
   * is still seen; records then join in order of time. Default: not at all.
   */
  readonly graceMs?: number
  /** A table has no window: `within` is no option of its join. */
  readonly beforeMs?: never
  /** How keys are written, where records are repartitioned or wait; default: the stream's. */
  readonly key?: Serde<K>
  /** How the stream's values are written, where they are repartitioned or wait; default: the stream's. */
  readonly left?: Serde<V>
  /** Of the result; default JSON. */
  readonly value?: Serde<J>
}

export interface RowJoinSpec<K, V, TK, T, J> extends JoinSpec, RowJoinOptions<NonNullable<K>, V, J> {
  /** Chooses the row; absent: the record's own key. */
  readonly foreignKey?: (value: V, key: K) => TK | null
  readonly joiner: (value: V, row: T | null, key: K) => J
  readonly outer: boolean
}

/** Where the rows of a join are, and which stores the step shares with the table: none with a global one. */
export interface JoinedTable<TK, T> {
  readonly stores: readonly StoreSpec[]
  readonly rows: (context: OperatorContext) => RowReader<TK, T>
}

/** Gives the records of a stream rows of a table. The stage must lie as the table does, or the table be global. */
export function joinRows<K, V, TK, T, J>(
  stage: Stage<K, V>,
  table: JoinedTable<TK, T>,
  spec: RowJoinSpec<K, NonNullable<V>, TK, T, J>,
): Stage<K, J> {
  const { kind, foreignKey, joiner, outer, graceMs, value = serdes.json<J>() } = spec
  const { builder } = stage
  const name = spec.name ?? builder.graph.freeName(kind)
  const bufferSpec = {
    name: `${name}-buffer`,
    key: spec.key ?? nonNull(stage.key),
    value: spec.left ?? nonNull(stage.value),
  }
  const grace = graceMs === undefined ? undefined : { graceMs, buffer: timeBuffer(bufferSpec) }
  const port = builder.graph.add({
    type: 'operator',
    kind,
    name,
    inputs: [stage.port],
    stores: [...table.stores, ...(grace ? [grace.buffer] : [])],
    expands: grace !== undefined,
    stateless: false,
    connect(context) {
      const options = {
        rows: table.rows,
        // Without a foreign key the record's key is the row's: the types of the builder have seen to it.
        keyOf: (v: NonNullable<V>, k: NonNullable<K> | null) =>
          foreignKey ? foreignKey(v, k as K) : (k as TK | null),
        joiner: (v: NonNullable<V>, row: T | null, k: NonNullable<K> | null) => joiner(v, row, k as K),
        outer,
        ...(grace && { grace }),
      }
      return [untyped(streamTableJoin<NonNullable<K>, NonNullable<V>, TK, T, J>(options, context))]
    },
  })
  return { builder, port, key: stage.key, value, rekeyed: stage.rekeyed }
}

/** The stage with serdes that the options may have named; null keys and values stand outside of the bytes. */
export function written<K, V>(
  stage: Stage<K, V>,
  key: Serde<NonNullable<K>>,
  value: Serde<NonNullable<V>>,
): Stage<K, V> {
  return { ...stage, key: nullable(key) as Serde<K>, value: nullable(value) as Serde<V> }
}

/** The records where their key says; an outer side keeps those without one. */
export function keyed<K, V>(stage: Stage<K, V>, name: string, nullKeys: boolean): Stage<K, V> {
  return stage.rekeyed ? repartition(stage, name, { nullKeys }) : stage
}
