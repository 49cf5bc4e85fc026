import type { Clock } from '../clock.ts'
import type { ErrorPlace } from '../errors.ts'
import type { Logger } from '../logger.ts'

export interface ClickHouseOptions {
  /** A server's address, such as `http://localhost:8123`; absent: the engine in this process, on the data in `path`. */
  readonly url?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Folder of the embedded engine's data; it is made where it is missing. One process at a time. */
  readonly path?: string | undefined
  /** Before each table's name, such as `simulated_`: `shop.orders` is then `shop.simulated_orders`. */
  readonly tablePrefix?: string
  /** Makes tables `ON CLUSTER` this one, with replicated engines. */
  readonly cluster?: string
  readonly queryTimeoutMs?: number
  readonly insertTimeoutMs?: number
  readonly clock: Clock
  readonly logger: Logger
}

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
  /** `shop.orders` with the connection's prefix: `shop.simulated_orders`. */
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
