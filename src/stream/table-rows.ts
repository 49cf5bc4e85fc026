import { RivuletError } from '../errors.ts'
import type { OperatorContext } from '../operators/operator.ts'
import { mappedRows, type RowReader, type RowStore, rowReader } from '../operators/row-reader.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'

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

/** Of a table that nobody can look into. */
export const unknownRows: TableRows<never, never> = {
  versioned: false,
  sendOldValues: () => false,
  stored: () => undefined,
  view() {
    throw new RivuletError('BAD_TOPOLOGY', 'this table keeps no rows that a join could look up')
  },
}

/** The rows of a step that makes each row of one row before it, with a store of its own or without. */
export class DerivedRows<K, V, W> implements TableRows<K, W> {
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
