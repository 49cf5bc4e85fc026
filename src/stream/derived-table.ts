import { tableMap } from '../operators/table-map.ts'
import type { Serde } from '../serdes/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { mappedRows, type RowStore, rowReader } from '../state/row-reader.ts'
import type { StoreSpec, StoreType } from '../state/store.ts'
import { untyped } from './builder.ts'
import type { StepSpec } from './named.ts'
import { type RowView, storeView, type TableRows, type TableStage } from './table-rows.ts'

export interface DerivedTableSpec<K, V, W> extends StepSpec {
  /** Answers null for no row. */
  readonly mapper: (value: V, key: K) => W | null
  readonly isFilter: boolean
  readonly value: Serde<W>
  /** Keeps the results under this name; absent: they are made again whenever somebody looks them up. */
  readonly store?: string
  readonly storeType?: StoreType
}

/** The table whose rows are each made of one row of another. Source: Kafka Streams `KTable.mapValues`, `filter`. */
export function deriveTable<K, V, W>(
  from: TableStage<K, V>,
  { kind, name, mapper, isFilter, value, store: storeName, storeType }: DerivedTableSpec<K, V, W>,
): TableStage<K, W> {
  const { builder, port, key, rekeyed } = from.stage
  const store =
    storeName === undefined ? undefined : keyValueStore({ name: storeName, key, value, storeType })
  const rows = new DerivedRows(from.rows, mapper, store)
  // A filter asks for old values in any case, to be able to leave out tombstones; nobody makes a store for it.
  if (isFilter) rows.sendsOldValues = from.rows.sendOldValues(false)
  const derived = builder.graph.add({
    type: 'operator',
    kind,
    ...(name !== undefined && { name }),
    inputs: [port],
    stores: store ? [store] : [],
    expands: false,
    stateless: store === undefined,
    connect(context) {
      const { sendsOldValues } = rows
      const options = { mapper, sendsOldValues, skipsNothing: isFilter, ...(store && { store }) }
      return [untyped(tableMap(options, context))]
    },
  })
  return { stage: { builder, port: derived, key, value, rekeyed }, rows }
}

/** The derived rows: from a store of their own, or made of the rows before whenever somebody asks. */
class DerivedRows<K, V, W> implements TableRows<K, W> {
  readonly versioned: boolean
  readonly #before: TableRows<K, V>
  readonly #mapper: (value: V, key: K) => W | null
  readonly #store: StoreSpec<RowStore<K, W>> | undefined
  /** Whether the step's updates carry old values: read when the step is connected, after all is declared. */
  sendsOldValues = false

  constructor(
    before: TableRows<K, V>,
    mapper: (value: V, key: K) => W | null,
    store: StoreSpec<RowStore<K, W>> | undefined,
  ) {
    this.#before = before
    this.#mapper = mapper
    this.#store = store
    this.versioned = store ? false : before.versioned
  }

  sendOldValues(force: boolean): boolean {
    this.sendsOldValues ||= this.#store !== undefined || this.#before.sendOldValues(force)
    return this.sendsOldValues
  }

  stored(): StoreSpec | undefined {
    return this.#store
  }

  view(): RowView<K, W> {
    if (this.#store) return storeView(this.#store, rowReader)
    const { stores, open } = this.#before.view()
    return { stores, open: (context) => mappedRows(open(context), this.#mapper) }
  }
}
