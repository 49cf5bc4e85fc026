import { RivuletError } from '../errors.ts'
import { type ColumnEncoder, type ColumnValue, columnEncoder } from './columns.ts'
import type { RowWriter } from './row-writer.ts'

/** A ClickHouse type (times in UTC), and how it is compressed. */
export type ColumnSpec =
  | string
  | {
      /** ClickHouse's name for it, such as `LowCardinality(String)`. */
      readonly type: string
      /** Such as `Delta, ZSTD(1)`; absent: the server's default. */
      readonly codec?: string
    }

/** Columns by their names. */
export type ColumnSpecs = Readonly<Record<string, ColumnSpec>>

/** The ClickHouse type in a column's spec. */
export type TypeOf<C extends ColumnSpec> = C extends { readonly type: infer T extends string }
  ? T
  : C extends string
    ? C
    : never

/** A row of the table: a value for each column; what else the object has is not looked at. */
export type RowOf<C extends ColumnSpecs> = { readonly [Name in keyof C]: ColumnValue<TypeOf<C[Name]>> }

/** What a table is made of, and how a record becomes a row. */
export interface ClickHouseTableOptions<C extends ColumnSpecs, V, K> {
  /** What the pipeline writes, by name. Names that begin with `_` are Rivulet's own. */
  readonly columns: C
  /** The sorting key: names of columns, at least one. */
  readonly orderBy: readonly (keyof C & string)[]
  /**
   * How a record becomes a row; null: it makes none. A value that has the columns as its properties is a row itself:
   * `(order) => order` costs nothing.
   */
  readonly row: (value: V, key: K, timestampMs: number) => RowOf<C> | null
  /** By name, each a `SELECT … GROUP BY …` or `SELECT … ORDER BY …`. They live inside the parts and can't drift. */
  readonly projections?: Readonly<Record<string, string>>
}

/** What a table is made of. */
export interface TableSchema {
  /** `database.table`, without the connection's prefix. */
  readonly name: string
  /** The pipeline's, then `placeColumns`. */
  readonly columns: readonly TableColumn[]
  /** The sorting key. */
  readonly orderBy: readonly string[]
  /** The user's, and the one that finds where to go on. */
  readonly projections: readonly { readonly name: string; readonly query: string }[]
  /** Skipping indexes: what is indexed, how, and how finely. */
  readonly indexes: readonly { readonly name: string; readonly expression: string }[]
}

/** A ClickHouse table as a value: its columns with their types, and how a record becomes a row. */
export interface ClickHouseTable<K, V> extends TableSchema {
  /**
   * Writes the values of the pipeline's columns as RowBinary; answers whether the record makes a row. Throws what `row` throws, and `ENCODE_FAILED`: then part of the row may have been written.
   */
  encode(value: V, key: K, timestampMs: number, into: RowWriter): boolean
}

/** A column, as it is made. */
export interface TableColumn {
  /** Of the column. */
  readonly name: string
  /** ClickHouse's name for it. */
  readonly type: string
  /** Absent: the server's default. */
  readonly codec?: string
}

/**
 * Where each row came from: its place in Kafka and the range of the insert that brought it. From these the sink knows
 * where to go on (`sink.ts`). Rows are sent with these first: so each of them stands at the same distance from a row's
 * beginning.
 */
export const placeColumns: readonly TableColumn[] = [
  { name: '_offset', type: 'UInt64', codec: 'Delta, ZSTD(1)' },
  { name: '_topic', type: 'String', codec: 'ZSTD(1)' },
  { name: '_partition', type: 'UInt16', codec: 'ZSTD(1)' },
  { name: '_from', type: 'UInt64', codec: 'ZSTD(1)' },
  { name: '_to', type: 'UInt64', codec: 'ZSTD(1)' },
]

/** The columns in the order in which a row is sent. */
export function insertedColumns({ columns }: TableSchema): readonly TableColumn[] {
  const own = columns.slice(0, -placeColumns.length)
  return [...placeColumns, ...own]
}

/**
 * Declares a table. The program makes it where it is missing, and adds what an existing one lacks. One step of one
 * topology may write to it from a topic: the rows are the memory of how far that step has come. Throws `BAD_CONFIG`
 * when the declaration can't be a table.
 *
 * @example
 * ```ts
 * const clicksTable = clickhouseTable('shop.clicks', {
 *   columns: { user: 'String', page: 'LowCardinality(String)', at: "DateTime64(3, 'UTC')" },
 *   orderBy: ['user', 'at'],
 *   row: ({ page }: Click, user: string, timestampMs) => ({ user, page, at: timestampMs }),
 * })
 * ```
 */
export function clickhouseTable<const C extends ColumnSpecs, V, K = unknown>(
  name: string,
  { columns, orderBy, row, projections = {} }: ClickHouseTableOptions<C, V, K>,
): ClickHouseTable<K, V> {
  if (!/^[a-z]\w*\.[a-z]\w*$/i.test(name)) throw bad(name, 'its name must be like database.table')
  const own = Object.entries(columns).map(([column, spec]) => columnOf(name, column, spec))
  if (own.length === 0) throw bad(name, 'it has no column')
  if (orderBy.length === 0) throw bad(name, 'orderBy names no column')
  for (const column of orderBy)
    if (!(column in columns)) throw bad(name, `orderBy names ${column}, which is no column`)
  const fields = own.map((column) => ({ name: column.name, encode: encoderOf(name, column) }))
  return {
    name,
    columns: [...own, ...placeColumns],
    orderBy,
    projections: [
      {
        name: 'resume',
        query: 'SELECT _topic, _partition, max((_offset, _from, _to)) GROUP BY _topic, _partition',
      },
      ...Object.entries(projections).map(([projection, query]) => ({ name: projection, query })),
    ],
    indexes: [{ name: 'offsets', expression: '_offset TYPE minmax GRANULARITY 1' }],
    encode: (value, key, timestampMs, into) => {
      const made = row(value, key, timestampMs)
      if (made === null) return false
      encodeRow(fields, made, into)
      return true
    },
  }
}

interface Field {
  readonly name: string
  readonly encode: ColumnEncoder
}

function encodeRow(fields: readonly Field[], row: Readonly<Record<string, unknown>>, into: RowWriter): void {
  for (let i = 0; i < fields.length; i++) {
    const { name, encode } = fields[i] as Field
    try {
      encode(row[name], into)
    } catch (cause) {
      throw new RivuletError(
        'ENCODE_FAILED',
        `column ${name}: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      )
    }
  }
}

function columnOf(table: string, name: string, spec: ColumnSpec): TableColumn {
  if (!/^[a-z]\w*$/i.test(name)) throw bad(table, `${JSON.stringify(name)} is no name for a column`)
  return { name, ...(typeof spec === 'string' ? { type: spec } : spec) }
}

function encoderOf(table: string, { name, type }: TableColumn): ColumnEncoder {
  try {
    return columnEncoder(type)
  } catch (cause) {
    throw bad(table, `column ${name}: ${cause instanceof Error ? cause.message : cause}`)
  }
}

function bad(table: string, why: string): RivuletError {
  return new RivuletError('BAD_CONFIG', `Table ${table}: ${why}`, { place: { table } })
}
