import type { Clock } from '../clock.ts'
import type { ErrorPlace } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { TlsOptions } from '../tls.ts'

/** Which ClickHouse to use, and how long its answers may take. One of `url` and `path` must be said. */
export interface ClickHouseOptions {
  /** A server's address, such as `http://localhost:8123`; absent: the engine in this process, on the data in `path`. */
  readonly url?: string | undefined
  /** Of the server; default: its default user. */
  readonly user?: string | undefined
  /** Of the server's user. Not needed where the server knows the user by the certificate in `ssl`. */
  readonly password?: string | undefined
  /** The certificates for a server whose address begins with `https`; default: the authorities that Node trusts. */
  readonly ssl?: TlsOptions | undefined
  /** Folder of the embedded engine's data; it is made where it is missing. One process at a time. */
  readonly path?: string | undefined
  /** Before each table's name, such as `simulated_`: `shop.orders` is then `shop.simulated_orders`. */
  readonly tablePrefix?: string
  /** Makes tables `ON CLUSTER` this one, with replicated engines. */
  readonly cluster?: string
  /** How long a query may take; default 30,000. */
  readonly queryTimeoutMs?: number
  /** How long an insert or a command may take; default 60,000. */
  readonly insertTimeoutMs?: number
  /** For the timeouts. */
  readonly clock: Clock
  /** Told what the client has to say. */
  readonly logger: Logger
}

/** What `{name:Type}` in the SQL stands for. */
export type QueryParams = Readonly<
  Record<string, string | number | boolean | null | readonly (string | number)[]>
>

/** Where rows go, and how they are taken. */
export interface InsertTarget {
  /** As `connection.tableName()` gives it. */
  readonly table: string
  /** In the order in which a row has them, with the types of the table. */
  readonly columns: readonly InsertedColumn[]
  /** ClickHouse's, of this insert. */
  readonly settings: Readonly<Record<string, string | number>>
}

/** A column that rows have. */
export interface InsertedColumn {
  /** As the table has it. */
  readonly name: string
  /** ClickHouse's name for it, as the table has it. */
  readonly type: string
}

/** Rows as RowBinary. */
export interface EncodedRows {
  /** All of them, one behind the other. */
  readonly bytes: Buffer
  /** Where each of them begins. */
  readonly starts: readonly number[]
}

/** How long a call may take, and what is said of it. */
export interface CallOptions {
  /** Aborted: nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined
  /** Default: that of the connection. */
  readonly timeoutMs?: number
  /** Said in the error, if there is one. */
  readonly place?: ErrorPlace
  /** Queries: on the connection that inserts, behind what it has under way, not behind other queries. */
  readonly afterInserts?: boolean
  /** Queries: ClickHouse's settings for it, beside those that the connection itself gives. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** A ClickHouse, embedded or a server. Every call rejects with a `RivuletError` (see `translateError`). */
export interface ClickHouse {
  /** Whether it runs in this process. */
  readonly kind: 'embedded' | 'server'
  /** Where tables are made `ON CLUSTER`; undefined: nowhere. */
  readonly cluster: string | undefined
  /** `shop.orders` with the connection's prefix: `shop.simulated_orders`. */
  tableName(name: string): string
  /**
   * The rows of a SELECT: 64-bit integers as numbers (exact up to 2⁵³), times in ISO 8601, UTC. Values go in as
   * `params` only (`{name:Type}` in the SQL). `Row` is what the SQL says, unchecked.
   *
   * @example
   * ```ts
   * interface Visit { readonly page: string; readonly visits: number }
   * const table = database.tableName('shop.clicks')
   * const sql = `SELECT page, count() AS visits FROM ${table} WHERE user = {user:String} GROUP BY page`
   * const visits = await database.query<Visit>(sql, { user: 'ann' })
   * ```
   */
  query<Row>(sql: string, params?: QueryParams, options?: CallOptions): Promise<Row[]>
  /** The same in columns, all equally long: for many rows. The SQL names each column of `Row`. */
  queryColumns<Row>(sql: string, params?: QueryParams, options?: CallOptions): Promise<Columns<Row>>
  /** DDL and the like, in order with the inserts. */
  command(sql: string, options?: CallOptions): Promise<void>
  /**
   * Inserts rows. When it rejects, whether they are there is unknown, and their bytes may still be read: they must never
   * change.
   */
  insert(target: InsertTarget, rows: EncodedRows, options?: CallOptions): Promise<void>
  /** Rejects with why it does not answer a query. */
  ping(options?: CallOptions): Promise<void>
  /** Closes every connection; the embedded engine frees its folder. */
  close(): Promise<void>
}

/** The answer to a query, a list for each column. */
export type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] }
