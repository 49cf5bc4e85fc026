import { required } from '../checked.ts'
import { type ForeignKey, joinByForeignKey } from './foreign-key-join.ts'
import { type Named, placeOf, splitName } from './named.ts'
import type { StoreOptions } from './store-options.ts'
import type { Table } from './table.ts'
import { joinTables } from './table-joins.ts'
import type { TableStage } from './table-rows.ts'

/** Answers null for no row. */
export type TableJoiner<K, L, R, J> = (left: L, right: R, key: K) => J | null

/** A table that is joined with the rows of equal keys. `Right`: the other row, as it may be missing. */
export type ByKey<K, L, R, Right, J> = readonly [
  other: Table<K, R>,
  joiner: TableJoiner<K, L, Right, J>,
  options?: StoreOptions<J>,
]

/** A table that is joined with the rows that its foreign keys name. */
export type ByForeignKey<K, L, FK, R, Right, J> = readonly [
  other: Table<FK, R>,
  on: ForeignKey<K, L, FK>,
  joiner: TableJoiner<K, L, Right, J>,
  options?: StoreOptions<J>,
]

type ByAny<K, L, FK, R, Right, J> = ByKey<K, L, R, Right, J> | ByForeignKey<K, L, FK, R, Right, J>

/** Joins a table by key or by foreign key, as the arguments say; in a left join a row without a match has a result too. */
export function joinTableWith<K, L, FK, R, Right, J>(
  table: TableStage<K, L>,
  kind: 'join' | 'leftJoin',
  args: Named<ByAny<K, L, FK, R, Right, J>>,
): TableStage<K, J> {
  const [name, ...rest] = splitName<ByAny<K, L, FK, R, Right, J>>(args)
  const left = kind === 'leftJoin'
  required({ other: rest[0], joiner: rest[1] }, placeOf(name))
  if (isByForeignKey(rest)) {
    const [other, { foreignKey }, joiner, options] = rest
    required({ foreignKey, joiner }, placeOf(name))
    return joinByForeignKey(table, other, {
      kind,
      ...name,
      foreignKey,
      joiner: anyRow(joiner),
      left,
      ...options,
    })
  }
  const [other, joiner, options] = rest
  const outer = { left, right: false }
  return joinTables(table, other, { kind, ...name, joiner: anyRow(joiner), outer, ...options })
}

function isByForeignKey<K, L, FK, R, Right, J>(
  args: ByAny<K, L, FK, R, Right, J>,
): args is ByForeignKey<K, L, FK, R, Right, J> {
  return typeof args[1] === 'object'
}

/** Which rows may be missing is said by the method's types; behind them one operator serves all. */
function anyRow<K, L, R, J>(joiner: TableJoiner<K, L, R, J>) {
  return (left: L | null, right: unknown, key: K) => joiner(left as L, right as R, key)
}
