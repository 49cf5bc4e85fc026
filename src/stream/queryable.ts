import { RivuletError } from '../errors.ts'
import type { TableRef, WindowRef } from '../state/query.ts'
import type { StoreSpec } from '../state/store.ts'
import { GlobalTable } from './global-table.ts'
import type { Table, WindowedTable } from './table.ts'

/** Stores that a topology offers to be asked, by the names that its author calls them. */
export type QueryableStores = Readonly<Record<string, StoreSpec>>

/**
 * The store behind a table, for `Running.query`: of an aggregation, of a join or another step that was given a `store`,
 * or of a table that is read from a topic, which then keeps its rows. Throws `BAD_TOPOLOGY` where the table's rows are
 * made of other rows and kept nowhere. Source: Kafka Streams' `queryableStoreName`.
 *
 * @example
 * ```ts
 * const app = topology('per-user', ({ stream }) => {
 *   return { clicksByUser: queryable(stream(clicks).groupByKey().count('clicks by user')) }
 * })
 * const running = run(app, { kafka })
 * await running.started
 * console.log(running.query(app.stores.clicksByUser).get('ann'))
 * ```
 */
export function queryable<K, V, In>(table: WindowedTable<K, V, In>): WindowRef<K, V>
/** As of a windowed table: the store behind it, for `Running.query`, with one row for each key. */
export function queryable<K, V>(table: Table<K, V> | GlobalTable<K, V>): TableRef<K, V>
export function queryable<K, W, V, In>(
  table: WindowedTable<W, V, In> | Table<K, V> | GlobalTable<K, V>,
): StoreSpec {
  const store = table instanceof GlobalTable ? table.view.stores[0] : table.rows.stored()
  if (store) return store
  const { builder, port } = table.stage
  const step = builder.graph.nodes[port.node]?.name ?? ''
  const message = `"${step}" keeps no rows of its own: give it a store, as { store: 'name' }, or ask the table before it`
  throw new RivuletError('BAD_TOPOLOGY', message, { place: { step } })
}
