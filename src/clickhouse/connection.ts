import type { ResultSet } from '@clickhouse/client'
import { messageOf, RivuletError } from '../errors.ts'
import type { CallOptions, ClickHouse, ClickHouseOptions, Columns, QueryParams } from './client.ts'
import { withDeadline } from './deadline.ts'
import { server } from './server.ts'
import { assignments } from './sql.ts'
import type { Transport } from './transport.ts'

/**
 * Opens ClickHouse. Embedded: throws `DATA_DIR_IN_USE` when another process has the folder, `DATA_DIR_UNUSABLE` when it
 * cannot be written. By URL nothing is sent yet: an unreachable server shows in the first call (`ping()`).
 *
 * @example
 * ```ts
 * const database = await connectClickHouse({ path: './data/clickhouse', clock: systemClock, logger: silentLogger })
 * await database.ping()
 * ```
 */
export async function connectClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  if (!/^\w*$/.test(options.tablePrefix ?? '')) {
    throw new RivuletError(
      'BAD_CONFIG',
      `The prefix ${JSON.stringify(options.tablePrefix)} can't begin a table's name`,
    )
  }
  const { clock, tablePrefix = '', cluster, queryTimeoutMs = 30_000, insertTimeoutMs = 60_000 } = options
  const transport = options.url === undefined ? await openEmbedded(options) : server(options, options.url)
  const { writer, reader } = transport
  const serverName = options.url === undefined ? 'ClickHouse' : `ClickHouse at ${new URL(options.url).host}`

  function select<Format extends 'JSONEachRow' | 'JSONColumnsWithMetadata', T>(
    sql: string,
    format: Format,
    params: QueryParams = {},
    callOptions: CallOptions = {},
    read: (result: ResultSet<Format>) => Promise<T>,
  ): Promise<T> {
    const client = callOptions.afterInserts ? writer : reader
    const settings = assignments({ ...callOptions.settings, ...readSettings })
    const statement = { query: `${sql}\nSETTINGS ${settings}`, query_params: { ...params }, format }
    return query(
      async (abort_signal) => read(await client.query({ ...statement, abort_signal })),
      callOptions,
    )
  }

  async function call<T>(
    work: (signal: AbortSignal) => Promise<T>,
    timeoutMs: number,
    callOptions: CallOptions,
  ): Promise<T> {
    try {
      const deadline = { server: serverName, timeoutMs: callOptions.timeoutMs ?? timeoutMs, clock }
      return await withDeadline(work, deadline, callOptions)
    } catch (error) {
      throw (error instanceof RivuletError && (await transport.refusalOf?.(error))) || error
    }
  }
  const query = <T>(work: (signal: AbortSignal) => Promise<T>, callOptions: CallOptions = {}) =>
    call(work, queryTimeoutMs, callOptions)
  const change = (work: (signal: AbortSignal) => Promise<void>, callOptions: CallOptions = {}) =>
    call(work, insertTimeoutMs, callOptions)

  return {
    kind: options.url === undefined ? 'embedded' : 'server',
    cluster,
    tableName: (name) => name.replace(/[^.]+$/, (table) => tablePrefix + table),
    query: <Row>(sql: string, params?: QueryParams, callOptions?: CallOptions) =>
      select(sql, 'JSONEachRow', params, callOptions, async (result) => {
        // The client passes over a last line that has no end, such as a page of one line.
        const lines = (await result.text()).split('\n').filter((line) => line !== '')
        const rows = lines.map((line): unknown => JSON.parse(line))
        if (!rows.every(isObject)) throw noAnswer('rows')
        // What the SQL says, unchecked.
        return rows as Row[]
      }),
    queryColumns: <Row>(sql: string, params?: QueryParams, callOptions?: CallOptions) =>
      select(
        sql,
        'JSONColumnsWithMetadata',
        params,
        callOptions,
        async (result) =>
          // Its columns are what the SQL says.
          columnsOf(JSON.parse(await result.text())) as Columns<Row>,
      ),
    command: (sql, callOptions) => change((signal) => transport.command(sql, signal), callOptions),
    insert: (target, rows, callOptions) =>
      change((signal) => transport.insert(target, rows.bytes, signal), callOptions),
    ping: (callOptions) =>
      select('SELECT 1 AS one', 'JSONEachRow', {}, callOptions, async (result) => {
        const [row] = await result.json<{ one: number }>()
        if (row?.one !== 1) throw noAnswer('the 1 that was asked for')
      }),
    close: () => transport.close(),
  }
}

/** In the SQL's text: on the embedded engine, settings given beside the query stick to the session. */
const readSettings = { output_format_json_quote_64bit_integers: 0, date_time_output_format: 'iso' }

/** The client types this format as rows, but it is columns; without a row there are only their names, in `meta`. */
function columnsOf(answer: unknown): Readonly<Record<string, readonly unknown[]>> {
  if (!isObject(answer) || !Array.isArray(answer.meta) || !isObject(answer.data)) throw noAnswer('columns')
  const { meta, data } = answer
  const columns = meta.map((column: unknown) => {
    const name = isObject(column) ? String(column.name) : ''
    const values = data[name] ?? []
    if (name === '' || !Array.isArray(values)) throw noAnswer('columns')
    return [name, values] as const
  })
  return Object.fromEntries(columns)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What answers in ClickHouse's place says something else, and may be gone the next time. */
function noAnswer(expected: string): RivuletError {
  return new RivuletError(
    'CLICKHOUSE_FAILED',
    `What answered in ClickHouse's place did not answer with ${expected}`,
    {
      retryable: true,
    },
  )
}

/** Loaded only where it is used: it is large, not made for every platform, and left to the user to install. */
async function openEmbedded(options: ClickHouseOptions): Promise<Transport> {
  let module: typeof import('./embedded.ts')
  try {
    module = await import('./embedded.ts')
  } catch (cause) {
    const why = isMissing(cause)
      ? 'The embedded ClickHouse is not installed: install chdb (npm install chdb), or give the address of a server'
      : `The embedded ClickHouse does not run here (${process.platform} ${process.arch}): give the address of a server`
    throw new RivuletError('BAD_CONFIG', why, { cause, place: { parameter: 'clickhouseUrl' } })
  }
  return module.embedded(options)
}

/** Whether there is no chdb at all; where its engine for this platform is missing, chdb itself says so. */
function isMissing(error: unknown): boolean {
  return messageOf(error).startsWith("Cannot find package 'chdb'")
}
