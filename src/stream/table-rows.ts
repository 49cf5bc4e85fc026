import type { OperatorContext } from '../operators/operator.ts'
import type { RowReader } from '../state/row-reader.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { Stage } from './builder.ts'

/** Where the steps behind a table look up its rows: inside a task, in stores that the step must name as its own. */
export interface RowView<K, V> {
  readonly stores: readonly StoreSpec[]
  open(context: OperatorContext): RowReader<K, V>
}

/**
 * What stands behind a table. Most tables keep no rows of their own: they see updates pass, and look into the stores
 * before them when somebody asks. Source: Kafka Streams' `KTableProcessorSupplier`.
 */
export interface TableRows<K, V> {
  /** Whether updates come with the word whether they are the newest of their key. */
  readonly versioned: boolean
  /**
   * From now on updates carry the value before them, if that can be known: from a store that is there or, with `force`,
   * from one that is made for it. Answers whether they do.
   */
  sendOldValues(force: boolean): boolean
  /** How to look up rows; a table that is read straight from a topic gets a store by this. */
  view(): RowView<K, V>
  /** The store that holds just these rows, made if need be; undefined where they are made of other rows. */
  stored(): StoreSpec | undefined
}

/** What a table is to the steps behind it. */
export interface TableStage<K, V> {
  readonly stage: Stage<K, V>
  readonly rows: TableRows<K, V>
}

export function storeView<K, V, S extends StateStore>(
  store: StoreSpec<S>,
  readerOf: (store: S) => RowReader<K, V>,
): RowView<K, V> {
  return { stores: [store], open: (context) => readerOf(context.store(store)) }
}

/** Rows that a store holds, such as those of an aggregation. */
export function storedRows<K, V, S extends StateStore>(
  store: StoreSpec<S>,
  readerOf: (store: S) => RowReader<K, V>,
): TableRows<K, V> {
  return {
    versioned: false,
    sendOldValues: () => true,
    view: () => storeView(store, readerOf),
    stored: () => store,
  }
}
