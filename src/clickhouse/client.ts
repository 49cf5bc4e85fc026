import type { ErrorPlace } from '../errors.ts'

export type QueryParams = Readonly<
  Record<string, string | number | boolean | null | readonly (string | number)[]>
>

export interface InsertTarget {
  /** As `connection.tableName()` gives it. */
  readonly table: string
  readonly columns: readonly string[]
  readonly settings: Readonly<Record<string, string | number>>
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Default: that of the connection. */
  readonly timeoutMs?: number
  /** Said in the error, if there is one. */
  readonly place?: ErrorPlace
  /** Queries: on the connection that inserts, behind what it has under way, not behind other queries. */
  readonly afterInserts?: boolean
}

/** A ClickHouse, embedded or a server. Every call rejects with a `RivuletError` (see `translateError`). */
export interface ClickHouse {
  readonly kind: 'embedded' | 'server'
  readonly cluster: string | undefined
  /** `stocks.ticks` with the connection's prefix: `stocks.simulated_ticks`. */
  tableName(name: string): string
  /**
   * The rows of a SELECT: 64-bit integers as numbers (exact up to 2⁵³), times in ISO 8601, UTC. Values go in as `params`
   * only (`{name:Type}` in the SQL). `Row` is what the SQL says, unchecked.
   */
  query<Row>(sql: string, params?: QueryParams, options?: CallOptions): Promise<Row[]>
  /** The same in columns, all equally long: for many rows. The SQL names each column of `Row`. */
  queryColumns<Row>(sql: string, params?: QueryParams, options?: CallOptions): Promise<Columns<Row>>
  /** DDL and the like, in order with the inserts. */
  command(sql: string, options?: CallOptions): Promise<void>
  /**
   * Inserts rows that are TabSeparated already. When it rejects, whether they are there is unknown, and the bytes may
   * still be read: they must never change.
   */
  insert(target: InsertTarget, rows: Buffer, options?: CallOptions): Promise<void>
  ping(options?: CallOptions): Promise<void>
  close(): Promise<void>
}

export type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] }
