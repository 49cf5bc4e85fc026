import { RivuletError } from '../errors.ts'
import {
  type StoreParts,
  type TableQuery,
  type TableRef,
  tableQuery,
  type WindowQuery,
  type WindowRef,
  windowQuery,
} from '../state/query.ts'
import type { StoreSpec } from '../state/store.ts'
import type { Topology } from '../stream/topology.ts'

/** The stores of a topology, to be asked while it runs. Source: Kafka Streams' interactive queries. */
export interface Queries {
  /**
   * Asks a store with one row for each key. Throws `BAD_TOPOLOGY` where the topology has no such store.
   *
   * @example
   * ```ts
   * const running = run(app, { kafka })
   * await running.started
   * console.log(running.query(app.stores.clicksByUser).get('ann'))
   * ```
   */
  query<K, V>(store: TableRef<K, V>): TableQuery<K, V>
  /** Asks a store with windows or sessions. Throws `BAD_TOPOLOGY` where the topology has no such store. */
  query<K, V>(store: WindowRef<K, V>): WindowQuery<K, V>
  /** All of them, in order of declaration; their types are known where they are declared. */
  queries(): readonly (TableQuery<unknown, unknown> | WindowQuery<unknown, unknown>)[]
}

export function queriesOf({ nodes }: Topology, partsOf: (store: StoreSpec) => StoreParts): Queries {
  const stores = [...new Set(nodes.flatMap((node) => (node.type === 'operator' ? node.stores : [])))]
  const queryables = stores.filter(({ key }) => key !== undefined)

  function query<K, V>(store: TableRef<K, V>): TableQuery<K, V>
  function query<K, V>(store: WindowRef<K, V>): WindowQuery<K, V>
  function query(store: TableRef<unknown, unknown> | WindowRef<unknown, unknown>) {
    const { key } = store
    if (!key || !queryables.includes(store)) throw unknownStore(store.name, queryables)
    const parts = partsOf(store)
    return isWindowed(store) ? windowQuery(store, key, parts) : tableQuery(store, key, parts)
  }

  return { query, queries: () => queryables.map((store) => query(store as TableRef<unknown, unknown>)) }
}

function isWindowed(
  store: TableRef<unknown, unknown> | WindowRef<unknown, unknown>,
): store is WindowRef<unknown, unknown> {
  return store.kind === 'window' || store.kind === 'session'
}

function unknownStore(name: string, known: readonly StoreSpec[]): RivuletError {
  const names = known.map((store) => `"${store.name}"`).join(', ')
  const message = `the topology has no store "${name}" of this declaration that can be asked; there are ${names || 'none'}`
  return new RivuletError('BAD_TOPOLOGY', message, { place: { step: name } })
}
