import type { OperatorFunction } from 'rxjs'
import type { TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { Row, RowReader } from '../state/row-reader.ts'
import type { StoreSpec } from '../state/store.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachUpdate, type OperatorContext, standalone } from './operator.ts'
import { putRow } from './upsert.ts'

/** Which rows give a result without a partner. */
export interface OuterSides {
  /** Whether left rows do. */
  readonly left: boolean
  /** Whether right rows do. */
  readonly right: boolean
}

/** What is joined, and where the rows are. */
export interface TableJoinOptions<K, L, R, J> {
  /** Makes the result; null: no row. */
  readonly joiner: (left: L | null, right: R | null, key: K) => J | null
  /** Looks up the left rows. */
  readonly left: (context: OperatorContext) => RowReader<K, L>
  /** Looks up the right rows. */
  readonly right: (context: OperatorContext) => RowReader<K, R>
  /** Which rows have a result without a partner. */
  readonly outer: OuterSides
  /** Sides whose updates that are not the newest of their key are dropped: versioned tables. */
  readonly versioned: OuterSides
  /** Whether results carry the value before. */
  readonly sendsOldValues: boolean
  /** Keeps the results; absent: nobody looks them up here. */
  readonly store?: StoreSpec<KeyValueStore<K, J>>
}

interface Side<K, This, Other, J> {
  readonly others: RowReader<K, Other>
  readonly join: (value: This | null, other: Other | null, key: K) => J | null
  /** Whether this side's row makes a result alone, and whether the other side's does. */
  readonly outer: boolean
  readonly otherOuter: boolean
  readonly versioned: boolean
}

/**
 * Joins two tables by key; the answer is an operator for each side. An update looks up the row of the other side, and
 * the result has the larger of both timestamps. A tombstone is passed on, whether or not there was a result before,
 * unless the other side has no row (left and outer: and this side had none). Source: Kafka Streams `KTable.join`.
 *
 * @example
 * ```ts
 * const context = standalone()
 * const rows = ({ store }: OperatorContext) => rowReader(store(users))
 * const inner = { left: false, right: false }
 * const [left, right] = tableJoin<string, string, string, string>(
 *   { joiner: (a, b) => `${a} ${b}`, left: rows, right: rows, outer: inner, versioned: inner, sendsOldValues: false },
 *   context,
 * )
 * merge(updates$.pipe(left), updates$.pipe(right))
 * ```
 */
export function tableJoin<K, L, R, J>(
  options: TableJoinOptions<K, L, R, J>,
  context: OperatorContext = standalone(),
): readonly [
  left: OperatorFunction<TableChunk<K, L>, TableChunk<K, J>>,
  right: OperatorFunction<TableChunk<K, R>, TableChunk<K, J>>,
] {
  const { joiner, outer, versioned } = options
  return [
    oneSide(options, context, () => ({
      others: options.right(context),
      join: (left, right, key) => joiner(left, right, key),
      outer: outer.left,
      otherOuter: outer.right,
      versioned: versioned.left,
    })),
    oneSide(options, context, () => ({
      others: options.left(context),
      join: (right, left, key) => joiner(left, right, key),
      outer: outer.right,
      otherOuter: outer.left,
      versioned: versioned.right,
    })),
  ]
}

function oneSide<K, This, Other, J>(
  { store: spec, sendsOldValues }: Pick<TableJoinOptions<K, never, never, J>, 'store' | 'sendsOldValues'>,
  context: OperatorContext,
  open: () => Side<K, This, Other, J>,
): OperatorFunction<TableChunk<K, This>, TableChunk<K, J>> {
  return chunkOperator(() => {
    const { others, join, outer, otherOuter, versioned } = open()
    const store = spec && context.store(spec)
    const joined = (value: This | null, other: Row<Other> | undefined, key: K): J | null => {
      if (value === null && (!otherOuter || !other)) return null
      return join(value, other ? other.value : null, key)
    }
    return (chunk) => {
      const out = new TableChunkBuilder<K, J>(chunk)
      eachUpdate(context, chunk, (i, key, value, old, updateMs) => {
        const latest = chunk.latest?.[i] ?? true
        if (versioned && !latest) return context.drop(chunk, i, 'out-of-order')
        const other = others.row(key)
        if (!other && (!outer || (value === null && old === null))) return
        const timestampMs = Math.max(updateMs, other?.timestampMs ?? 0)
        const result = joined(value, other, key)
        // A null before is no row: had this side none either, an outer join's other side stood alone.
        const oldResult = sendsOldValues ? joined(old, other, key) : null
        if (store) putRow(store, key, result, timestampMs)
        out.update(i, key, result, oldResult, timestampMs, latest)
      })
      return out.build()
    }
  })
}
