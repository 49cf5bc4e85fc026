import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  type Logger as ClientLogger,
  createClient,
  type ResultSet,
} from '@clickhouse/client'
import { type ChdbConnection, createChdbConnection } from 'chdb/connection'
import type { Clock } from '../clock.ts'
import { type ErrorPlace, messageOf, RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { translateError } from './errors.ts'
import { quote } from './sql.ts'

export interface ClickHouseOptions {
  /** A server's address, such as `http://localhost:8123`; absent: the engine in this process, on the data in `path`. */
  readonly url?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Folder of the embedded engine's data; it is made where it is missing. One process at a time. */
  readonly path?: string | undefined
  /** Before each table's name, such as `simulated_`: `stocks.ticks` is then `stocks.simulated_ticks`. */
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
  /** Inserts rows that are TabSeparated already. When it rejects, whether they are there is unknown. */
  insert(target: InsertTarget, rows: string, options?: CallOptions): Promise<void>
  ping(options?: CallOptions): Promise<void>
  close(): Promise<void>
}

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>

export type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] }

interface ColumnsAnswer {
  readonly meta: readonly { readonly name: string }[]
  readonly data: Readonly<Record<string, readonly unknown[]>>
}

interface Transport {
  readonly writer: ClickHouseClient
  readonly reader: ClickHouseClient
  insert(target: InsertTarget, rows: string, signal: AbortSignal): Promise<void>
}

/**
 * Opens ClickHouse. Embedded: throws `DATA_DIR_IN_USE` when another process has the folder, `DATA_DIR_UNUSABLE` when
 * it cannot be written. By URL nothing is sent yet: an unreachable server shows in the first call (`ping()`).
 */
export async function connectClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  if (!/^\w*$/.test(options.tablePrefix ?? '')) {
    throw new RivuletError(
      'BAD_CONFIG',
      `The prefix ${JSON.stringify(options.tablePrefix)} can't begin a table's name`,
    )
  }
  const { clock, tablePrefix = '', cluster, queryTimeoutMs = 30_000, insertTimeoutMs = 60_000 } = options
  const transport = options.url === undefined ? await embedded(options) : server(options, options.url)
  const { writer, reader } = transport

  /** Runs one call with a deadline. The engine may still be at it afterwards: it can't be interrupted. */
  async function call<T>(
    work: (signal: AbortSignal) => Promise<T>,
    timeoutMs: number,
    { signal, place = {} }: CallOptions,
  ): Promise<T> {
    signal?.throwIfAborted()
    const done = new AbortController()
    const cancel = new AbortController()
    const cancelled = new Promise<never>((_, reject) => {
      cancel.signal.addEventListener('abort', () => reject(cancel.signal.reason), { once: true })
    })
    const stop = () => cancel.abort(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    clock.sleep(timeoutMs, done.signal).then(
      () => {
        const message = `ClickHouse did not answer within ${timeoutMs} ms`
        cancel.abort(new RivuletError('TIMED_OUT', message, { retryable: true, place }))
      },
      () => {},
    )
    try {
      return await Promise.race([work(cancel.signal), cancelled])
    } catch (error) {
      // The client words an abort in its own way; the reason says whose it was.
      throw cancel.signal.aborted ? cancel.signal.reason : translateError(error, place)
    } finally {
      signal?.removeEventListener('abort', stop)
      done.abort()
    }
  }

  function select<Format extends 'JSONEachRow' | 'JSONColumnsWithMetadata', T>(
    sql: string,
    format: Format,
    query_params: QueryParams = {},
    callOptions: CallOptions = {},
    read: (result: ResultSet<Format>) => Promise<T>,
  ): Promise<T> {
    const client = callOptions.afterInserts ? writer : reader
    const query = `${sql}\nSETTINGS ${readSettings}`
    return call(
      async (abort_signal) =>
        read(await client.query({ query, query_params: { ...query_params }, format, abort_signal })),
      callOptions.timeoutMs ?? queryTimeoutMs,
      callOptions,
    )
  }

  return {
    kind: options.url === undefined ? 'embedded' : 'server',
    cluster,
    tableName: (name) => name.replace(/[^.]+$/, (table) => tablePrefix + table),
    query: <Row>(sql: string, params?: QueryParams, callOptions?: CallOptions) =>
      select(sql, 'JSONEachRow', params, callOptions, (result) => result.json<Row>()),
    queryColumns: <Row>(sql: string, params?: QueryParams, callOptions?: CallOptions) =>
      select(sql, 'JSONColumnsWithMetadata', params, callOptions, async (result) => {
        // The client types this format as rows, but it is columns; without a row there are only their names, in `meta`.
        const { meta, data }: ColumnsAnswer = JSON.parse(await result.text())
        return Object.fromEntries(meta.map(({ name }) => [name, data[name] ?? []])) as Columns<Row>
      }),
    command: (sql, callOptions = {}) =>
      call(
        async (abort_signal) => void (await writer.command({ query: sql, abort_signal })),
        callOptions.timeoutMs ?? insertTimeoutMs,
        callOptions,
      ),
    insert: (target, rows, callOptions = {}) =>
      call(
        (signal) => transport.insert(target, rows, signal),
        callOptions.timeoutMs ?? insertTimeoutMs,
        callOptions,
      ),
    ping: (callOptions = {}) =>
      call(
        async (abort_signal) => {
          const result = await reader.ping({ select: true, abort_signal })
          if (!result.success) throw result.error
        },
        callOptions.timeoutMs ?? queryTimeoutMs,
        callOptions,
      ),
    close: async () => {
      await Promise.all([reader.close(), writer.close()])
    },
  }
}

/** In the SQL's text: on the embedded engine, settings given beside the query stick to the session. */
const readSettings = "output_format_json_quote_64bit_integers = 0, date_time_output_format = 'iso'"

function server(
  { user, password, insertTimeoutMs = 60_000, logger }: ClickHouseOptions,
  url: string,
): Transport {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    const message = `CLICKHOUSE_URL is ${JSON.stringify(url)}, which is no address like http://localhost:8123`
    throw new RivuletError('BAD_CONFIG', message, { place: { parameter: 'CLICKHOUSE_URL' } })
  }
  const open = () =>
    createClient({
      url,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      // A backstop only: the deadlines are the connection's own, on its clock.
      request_timeout: 10 * insertTimeoutMs,
      log: { level: ClickHouseLogLevel.WARN, LoggerClass: clientLogger(logger) },
    })
  const writer = open()
  return {
    writer,
    reader: open(),
    insert: async (target, rows, abort_signal) => {
      const result = await writer.exec({
        query: insertStatement(target),
        values: Readable.from([rows]),
        abort_signal,
      })
      // The socket is free for the next request only when the answer was read.
      for await (const _ of result.stream);
    },
  }
}

async function embedded({ path = 'data/clickhouse', logger }: ClickHouseOptions): Promise<Transport> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw new RivuletError(
      'DATA_DIR_UNUSABLE',
      `The data folder ${path} cannot be made: ${messageOf(cause)}`,
      { cause, place: { path } },
    )
  }
  const connect = () => {
    try {
      return createChdbConnection({ path })
    } catch (cause) {
      throw openError(cause, path)
    }
  }
  const open = (connection: ChdbConnection) =>
    createClient({
      // The same interface from two packages (client and client-common), which TypeScript takes for two.
      connection: connection as unknown as Connection,
      log: { level: ClickHouseLogLevel.WARN, LoggerClass: clientLogger(logger) },
    })
  const writing = connect()
  return {
    writer: open(writing),
    // One session is serial: with a reader of its own, no query waits for an insert.
    reader: open(connect()),
    insert: async ({ table, columns, settings }, rows, signal) => {
      await writing.chdb.rawInsert({
        table,
        columns: [...columns],
        settings: { ...settings },
        values: rows,
        format: 'TabSeparated',
        signal,
      })
    },
  }
}

/** The engine says why on stderr only; its lock file names the process that has the folder. */
function openError(cause: unknown, path: string): RivuletError {
  const owner = ownerOf(path)
  if (owner === undefined) {
    const message = `ClickHouse cannot open the data folder ${path}: ${messageOf(cause)}`
    return new RivuletError('DATA_DIR_UNUSABLE', message, { cause, place: { path } })
  }
  const message = `The data folder ${path} is in use by process ${owner}`
  return new RivuletError('DATA_DIR_IN_USE', message, { cause, place: { path } })
}

function ownerOf(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1])
    if (!(pid > 0) || pid === process.pid) return undefined
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}

function insertStatement({ table, columns, settings }: InsertTarget): string {
  const assignments = Object.entries(settings).map(([name, value]) =>
    typeof value === 'number' ? `${name} = ${value}` : `${name} = ${quote(value)}`,
  )
  return `INSERT INTO ${table} (${columns.join(', ')}) SETTINGS ${assignments.join(', ')} FORMAT TabSeparated`
}

/** The client's own log, into ours. */
function clientLogger(logger: Logger): new () => ClientLogger {
  const log =
    (level: 'trace' | 'debug' | 'info') =>
    ({ message, err }: { message: string; err?: Error }) =>
      logger[level]({ err }, message)
  return class implements ClientLogger {
    trace = log('trace')
    debug = log('debug')
    info = log('info')
    // Each failed call is thrown as well, and whoever catches it says it once.
    warn = log('debug')
    error = log('debug')
  }
}
