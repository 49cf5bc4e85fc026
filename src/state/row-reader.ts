import type { KeyValueStore } from './key-value-store.ts'
import { VersionedStore } from './versioned-store.ts'

/** A row of a table as a step finds it. */
export interface Row<V> {
  /** As it was when it was looked up. */
  readonly value: V
  /** Event time of the record that made it, ms since the epoch. */
  readonly timestampMs: number
}

/** Looks up the rows of a table. */
export interface RowReader<K, V> {
  /** The newest row of the key; undefined: there is none. */
  row(key: K): Row<V> | undefined
  /** Versioned tables only: the row as it stood at `atMs`. */
  rowAsOf?(key: K, atMs: number): Row<V> | undefined
}

/** A store of which each key has one row. */
export type RowStore<K, V> = KeyValueStore<K, V> | VersionedStore<K, V>

/**
 * Looks up the rows of a store, of a versioned one also as they stood.
 *
 * @example
 * ```ts
 * const names = keyValueStore({ name: 'names', key: serdes.string, value: serdes.string })
 * const rows = rowReader(standalone().store(names))
 * rows.row('ann') // undefined: there is none
 * ```
 */
export function rowReader<K, V>(store: RowStore<K, V>): RowReader<K, V> {
  if (store instanceof VersionedStore) {
    return { row: (key) => store.entry(key), rowAsOf: (key, atMs) => store.getAsOf(key, atMs) }
  }
  return {
    row(key) {
      const entry = store.entry(key)
      return entry?.value === undefined ? undefined : { value: entry.value, timestampMs: entry.timestampMs }
    },
  }
}

/** Rows made of other rows whenever somebody asks; null is no row. */
export function mappedRows<K, V, W>(
  rows: RowReader<K, V>,
  mapper: (value: V, key: K) => W | null,
): RowReader<K, W> {
  const map = (key: K, row: Row<V> | undefined): Row<W> | undefined => {
    const value = row ? mapper(row.value, key) : null
    return row && value !== null ? { value, timestampMs: row.timestampMs } : undefined
  }
  const mapped = { row: (key: K) => map(key, rows.row(key)) }
  if (!rows.rowAsOf) return mapped
  return { ...mapped, rowAsOf: (key, atMs) => map(key, rows.rowAsOf?.(key, atMs)) }
}
