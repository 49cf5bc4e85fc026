import { rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { parseError } from '@clickhouse/client'
import { type ChdbConnection, createChdbConnection } from 'chdb/connection'

/** What a front does with one request instead of just answering it. */
export type Fault =
  /** Answers late: after so many times the time it took, or so many ms more. */
  | { readonly kind: 'slow'; readonly factor?: number; readonly ms?: number }
  /** Does nothing before the promise is kept. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** Answers so, and does nothing. */
  | {
      readonly kind: 'error'
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Breaks the connection: before the work, or when it was done, so that the client cannot know. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }

export interface FrontRequest {
  readonly kind: 'ping' | 'query' | 'insert'
  readonly sql: string
  /** Of its kind, from 1. */
  readonly number: number
}

export interface FrontOptions {
  /** Folder of the embedded engine; one per process. */
  readonly path: string
  readonly user?: string
  readonly password?: string
}

/**
 * ClickHouse's HTTP interface over the embedded engine, as much of it as `@clickhouse/client` speaks: queries and
 * inserts with `query=` or in the body, `param_…`, settings in the address, basic auth, `/ping`, errors with their
 * code; and faults by script.
 */
export class ClickHouseFront {
  /** Asked for each request; undefined: none. */
  fault: (request: FrontRequest) => Fault | undefined = () => undefined
  /** Everything that came in, in order. */
  readonly requests: FrontRequest[] = []
  readonly #options: FrontOptions
  readonly #reading: ChdbConnection
  readonly #writing: ChdbConnection
  #server: Server | undefined
  #files = 0
  #port = 0

  private constructor(options: FrontOptions) {
    this.#options = options
    this.#reading = createChdbConnection({ path: options.path })
    this.#writing = createChdbConnection({ path: options.path })
  }

  static async start(options: FrontOptions): Promise<ClickHouseFront> {
    const front = new ClickHouseFront(options)
    await front.up()
    return front
  }

  /** The same after each restart. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  count(kind: FrontRequest['kind']): number {
    return this.requests.filter((request) => request.kind === kind).length
  }

  /** Listens, again on the same port. */
  async up(): Promise<void> {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => answerError(response, error))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Refuses connections, and breaks the open ones. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  async close(): Promise<void> {
    await this.down()
    await Promise.all([this.#reading.close(), this.#writing.close()])
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const body = await bodyOf(request)
    const inAddress = url.searchParams.get('query')
    const sql = inAddress ?? body.toString()
    const kind = url.pathname === '/ping' ? 'ping' : /^\s*INSERT\b/i.test(sql) ? 'insert' : 'query'
    const seen = { kind, sql, number: this.count(kind) + 1 } as const
    this.requests.push(seen)

    const fault = this.fault(seen)
    if (fault?.kind === 'hold') await fault.until
    if (fault?.kind === 'reset' && fault.when === 'before') return void request.socket.destroy()
    if (fault?.kind === 'error')
      return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '')
    if (kind === 'ping') return void response.end('Ok.\n')
    this.#authenticate(request)

    const startedMs = performance.now()
    const answer = await this.#run(kind, sql, inAddress === null ? undefined : body, url.searchParams)
    if (fault?.kind === 'slow') {
      await sleep((fault.ms ?? 0) + ((fault.factor ?? 1) - 1) * (performance.now() - startedMs))
    }
    if (fault?.kind === 'reset') return void request.socket.destroy()
    response.writeHead(200, { 'x-clickhouse-summary': '{}' }).end(answer)
  }

  #authenticate(request: IncomingMessage): void {
    const { user = 'default', password = '' } = this.#options
    const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    if (request.headers.authorization === expected) return
    throw new Error(
      `Code: 516. DB::Exception: ${user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
    )
  }

  async #run(
    kind: 'query' | 'insert',
    sql: string,
    data: Buffer | undefined,
    address: URLSearchParams,
  ): Promise<Buffer> {
    const settings: Record<string, string> = {}
    const query_params: Record<string, unknown> = {}
    for (const [name, value] of address) {
      if (name.startsWith('param_')) query_params[name.slice(6)] = parameterOf(value)
      else if (!notSettings.has(name)) settings[name] = value
    }
    // A setting would stick to the session it was given in; a server forgets it with the request.
    const own = Object.keys(settings).some((name) => name !== 'default_format')
    const connection = own
      ? createChdbConnection({ path: this.#options.path })
      : kind === 'insert'
        ? this.#writing
        : this.#reading
    try {
      const [, into, table = '', names = '', behind] = binaryInsert.exec(sql) ?? []
      if (into === undefined || !data) {
        const values = data && { values: Readable.from([data.toString()]) }
        return await answerTo(connection, {
          query: sql,
          query_params,
          clickhouse_settings: settings,
          ...values,
        })
      }
      // The engine takes no bytes within a query.
      const file = join(this.#options.path, `body-${++this.#files}`)
      await writeFile(file, data)
      const structure = await structureOf(connection, table, names)
      const query = `${into} SETTINGS ${behind}, max_threads = 1 SELECT ${names} FROM file('${file}', RowBinaryWithNamesAndTypes, '${structure}')`
      return await answerTo(connection, { query, clickhouse_settings: settings }).finally(() => rm(file))
    } finally {
      if (own) await connection.close()
    }
  }
}

const binaryInsert = /^(INSERT INTO (\S+) \(([^)]*)\)) SETTINGS (.*) FORMAT RowBinaryWithNamesAndTypes$/

async function answerTo(connection: ChdbConnection, query: Parameters<ChdbConnection['exec']>[0]) {
  const { stream } = await connection.exec(query)
  return Buffer.concat(await stream.toArray())
}

/** What the server would hold the names and types in front of the rows to. */
async function structureOf(connection: ChdbConnection, table: string, names: string): Promise<string> {
  const [name = '', database = 'default'] = table.split('.').toReversed()
  const query = `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${name}' FORMAT TSVRaw`
  const lines = (await answerTo(connection, { query, clickhouse_settings: {} })).toString().trim().split('\n')
  const types = new Map(lines.map((line) => line.split('\t') as [string, string]))
  // A column that is not there is the engine's to refuse.
  return names
    .split(', ')
    .map((column) => `${column} ${types.get(column) ?? 'String'}`)
    .join(', ')
    .replaceAll("'", "\\'")
}

const notSettings = new Set([
  'query',
  'query_id',
  'database',
  'session_id',
  'role',
  'wait_end_of_query',
  'user',
  'password',
])

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const bytes = Buffer.concat(await request.toArray())
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes
}

/** The value behind the client's text of it: the engine's own client will write it anew. */
function parameterOf(text: string): unknown {
  if (!text.startsWith('[')) return text === '\\N' ? null : unescaped(text)
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|[^,[\]\s]+/g)].map(([whole, quoted]) =>
    quoted === undefined ? Number(whole) : unescaped(quoted),
  )
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '0': '\0' }
  return text.replace(/\\(.)/gs, (_, letter: string) => letters[letter] ?? letter)
}

function answerError(response: ServerResponse, error: unknown): void {
  const parsed: { code?: unknown; type?: unknown; message: string } = parseError(
    error instanceof Error ? error : new Error(String(error)),
  )
  // The engine's own client throws a ClickHouseError of another package, so the class says nothing.
  if (typeof parsed.type !== 'string') return void response.writeHead(500).end(parsed.message)
  const status =
    parsed.type === 'AUTHENTICATION_FAILED' ? 403 : parsed.type.startsWith('UNKNOWN_') ? 404 : 400
  response
    .writeHead(status, { 'x-clickhouse-exception-code': String(parsed.code) })
    .end(`Code: ${parsed.code}. DB::Exception: ${parsed.message}(${parsed.type}) (version 26.7)\n`)
}
