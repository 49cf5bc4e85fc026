import { type OuterSides, tableJoin } from '../operators/table-join.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import { type KeyValueStore, keyValueStore } from '../state/key-value-store.ts'
import { type RowReader, rowReader } from '../state/row-reader.ts'
import type { StoreSpec, StoreType } from '../state/store.ts'
import { checkOneTopology, untyped } from './builder.ts'
import { type RowView, storeView, type TableRows, type TableStage } from './table-rows.ts'

export interface TableJoinSpec<K, L, R, J> {
  readonly kind: string
  readonly name?: string
  readonly joiner: (left: L | null, right: R | null, key: K) => J | null
  readonly outer: OuterSides
  readonly store?: string
  readonly storeType?: StoreType
  readonly value?: Serde<J>
}

/** Two tables joined by key, co-partitioned. Source: Kafka Streams `KTable.join`, `leftJoin`, `outerJoin`. */
export function joinTables<K, L, R, J>(
  left: TableStage<K, L>,
  right: TableStage<K, R>,
  spec: TableJoinSpec<K, L, R, J>,
): TableStage<K, J> {
  const { kind, name, joiner, outer, storeType, value = serdes.json<J>() } = spec
  const { builder, port, key } = left.stage
  checkOneTopology(left.stage, right.stage, name ?? kind)
  const store =
    spec.store === undefined ? undefined : keyValueStore({ name: spec.store, key, value, storeType })
  // Where a row alone makes a result, its tombstone must tell whether there was one.
  if (outer.left) left.rows.sendOldValues(true)
  if (outer.right) right.rows.sendOldValues(true)
  const views = { left: left.rows.view(), right: right.rows.view() }
  const versioned = { left: left.rows.versioned, right: right.rows.versioned }
  const rows = new JoinedRows(left.rows, right.rows, views, spec, store)
  const joined = builder.graph.add({
    type: 'operator',
    kind,
    ...(name !== undefined && { name }),
    inputs: [port, right.stage.port],
    stores: [...new Set([...views.left.stores, ...views.right.stores, ...(store ? [store] : [])])],
    expands: false,
    stateless: false,
    connect(context) {
      const options = {
        joiner,
        left: views.left.open,
        right: views.right.open,
        outer,
        versioned,
        sendsOldValues: rows.sendsOldValues,
        ...(store && { store }),
      }
      const [fromLeft, fromRight] = tableJoin<K, L, R, J>(options, context)
      return [untyped(fromLeft), untyped(fromRight)]
    },
  })
  return { stage: { builder, port: joined, key, value, rekeyed: false }, rows }
}

/** The rows of a join: from its own store, or made of both tables' rows whenever somebody asks. */
class JoinedRows<K, L, R, J> implements TableRows<K, J> {
  readonly versioned = false
  sendsOldValues = false
  readonly #left: TableRows<K, L>
  readonly #right: TableRows<K, R>
  readonly #view: RowView<K, J>
  readonly #store: StoreSpec | undefined

  constructor(
    left: TableRows<K, L>,
    right: TableRows<K, R>,
    views: { readonly left: RowView<K, L>; readonly right: RowView<K, R> },
    spec: Pick<TableJoinSpec<K, L, R, J>, 'joiner' | 'outer'>,
    store: StoreSpec<KeyValueStore<K, J>> | undefined,
  ) {
    this.#left = left
    this.#right = right
    this.#store = store
    this.#view = store
      ? storeView(store, rowReader)
      : {
          stores: [...views.left.stores, ...views.right.stores],
          open: (context) => joinedRows(views.left.open(context), views.right.open(context), spec),
        }
  }

  sendOldValues(): boolean {
    this.#left.sendOldValues(true)
    this.#right.sendOldValues(true)
    this.sendsOldValues = true
    return true
  }

  stored(): StoreSpec | undefined {
    return this.#store
  }

  view(): RowView<K, J> {
    return this.#view
  }
}

function joinedRows<K, L, R, J>(
  left: RowReader<K, L>,
  right: RowReader<K, R>,
  { joiner, outer }: Pick<TableJoinSpec<K, L, R, J>, 'joiner' | 'outer'>,
): RowReader<K, J> {
  return {
    row(key) {
      const l = left.row(key)
      const r = right.row(key)
      if ((!l && !(outer.right && r)) || (!r && !(outer.left && l))) return undefined
      const value = joiner(l ? l.value : null, r ? r.value : null, key)
      if (value === null) return undefined
      return { value, timestampMs: Math.max(l?.timestampMs ?? 0, r?.timestampMs ?? 0) }
    },
  }
}
