import { RivuletError } from '../errors.ts'
import { upsert } from '../operators/upsert.ts'
import type { Serde } from '../serdes/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { type RowStore, rowReader } from '../state/row-reader.ts'
import type { StoreSpec, StoreType } from '../state/store.ts'
import { versionedStore } from '../state/versioned-store.ts'
import { type Stage, untyped } from './builder.ts'
import type { Port } from './graph.ts'
import { type RowView, storeView, type TableRows, type TableStage } from './table-rows.ts'

export interface SourceTableSpec<V> {
  readonly kind: string
  readonly name: string
  /** Keeps the rows under this name from the start; absent: once somebody looks them up. */
  readonly store?: string
  readonly value?: Serde<V>
  /** Keeps each row's past values for this long. */
  readonly versionedMs?: number
  readonly storeType?: StoreType
  /** false: the rows have their truth in the topic itself. */
  readonly logged?: boolean
}

/** Reads the records of a stage as updates of a table. Source: Kafka Streams' `KTableSource`. */
export function sourceTable<K, V>(from: Stage<K, V>, spec: SourceTableSpec<V>): TableStage<K, V> {
  const { kind, name, versionedMs, logged, storeType } = spec
  const { builder, key } = from
  const value = spec.value ?? from.value
  if (versionedMs !== undefined && storeType === 'disk') {
    const message = `the past values of "${name}" can't be on disk: versionedMs is for a table in memory`
    throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: name, parameter: 'storeType' } })
  }
  const makeStore = (): StoreSpec<RowStore<K, V>> => {
    const options = { name: spec.store ?? name, key, value }
    if (versionedMs !== undefined) return versionedStore({ ...options, historyMs: versionedMs })
    return keyValueStore({ ...options, storeType, ...(logged !== undefined && { logged }) })
  }
  const rows = new SourceRows(
    versionedMs !== undefined,
    (store) => builder.graph.addStore(port, store),
    makeStore,
  )
  const port: Port = builder.graph.add({
    type: 'operator',
    kind,
    name,
    inputs: [from.port],
    stores: [],
    expands: false,
    stateless: false,
    connect: (context) => [untyped(upsert<K, V>(rows.store ? { store: rows.store } : {}, context))],
  })
  if (spec.store !== undefined || rows.versioned || logged === false) rows.view()
  return { stage: { builder, port, key, value, rekeyed: false }, rows }
}

/** Keeps no rows until somebody looks them up, or asks for the values before. */
class SourceRows<K, V> implements TableRows<K, V> {
  readonly versioned: boolean
  store: StoreSpec<RowStore<K, V>> | undefined
  readonly #attach: (store: StoreSpec) => void
  readonly #makeStore: () => StoreSpec<RowStore<K, V>>

  constructor(
    versioned: boolean,
    attach: (store: StoreSpec) => void,
    makeStore: () => StoreSpec<RowStore<K, V>>,
  ) {
    this.versioned = versioned
    this.#attach = attach
    this.#makeStore = makeStore
  }

  sendOldValues(force: boolean): boolean {
    if (force) this.stored()
    return this.store !== undefined
  }

  view(): RowView<K, V> {
    return storeView(this.stored(), rowReader)
  }

  stored(): StoreSpec<RowStore<K, V>> {
    if (!this.store) {
      this.store = this.#makeStore()
      this.#attach(this.store)
    }
    return this.store
  }
}
