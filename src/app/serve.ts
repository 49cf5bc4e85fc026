import { createServer, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { connectionsMaxOf } from './connections-max.ts'
import { errorBody } from './error-answer.ts'
import type { WebEnv } from './web.ts'

/** What of a Hono app is served. */
export type Served = Pick<Hono<WebEnv>, 'fetch' | 'request'>

/** Where a server listens. */
export interface ServeOptions {
  /** An address of this machine. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** For the time that answers have on closing; default: the machine's. */
  readonly clock?: Clock
  /** Of more, the newest are closed at once; default: a quarter of the descriptors that the process may have, at most 1,000. */
  readonly connectionsMax?: number
}

/** A server that listens. */
export interface ApiServer {
  /** With a slash at its end: `http://127.0.0.1:8502/`. */
  readonly url: string
  /** The port that it has. */
  readonly port: number
  /** Takes no new connection, ends the streams, and lets answers finish for `drainMs` (default 2,000) at most. */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
/** On which nothing was said, by either side: a stream of events says something every 15 s. */
const idleTimeoutMs = 60_000
/** How often connections are looked for whose request does not come. */
const connectionsCheckingIntervalMs = 5_000

/**
 * Serves a Hono app. Rejects with `PORT_IN_USE` when somebody listens there already, `BAD_CONFIG` when host or port
 * can't be had.
 *
 * @example
 * ```ts
 * const server = await serve(web, { host: '127.0.0.1', port: 0 })
 * console.log(server.url)
 * await server.close()
 * ```
 */
export async function serve(app: Served, options: ServeOptions): Promise<ApiServer> {
  const { host, port, clock = systemClock, connectionsMax = connectionsMaxOf() } = options
  const closing = new AbortController()
  const plainHeaders = await headersOfEveryAnswer(app)
  const refuse = (status: number) => ({
    body: JSON.stringify(errorBody('BAD_REQUEST', STATUS_CODES[status] ?? 'Bad Request')),
    headers: { ...plainHeaders, 'content-type': 'application/json' },
  })

  const server = createServer(
    // A request without a host is refused by the listener below, with the headers that each answer has.
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: connectionsCheckingIntervalMs,
      requireHostHeader: false,
    },
    getRequestListener((request) => app.fetch(request, { closing: closing.signal }), {
      overrideGlobalObjects: false,
      // A target or a host that is no URL: it does not get as far as the app.
      errorHandler: () => new Response(refuse(400).body, { status: 400, headers: refuse(400).headers }),
    }),
  )
  server.maxConnections = connectionsMax
  server.setTimeout(idleTimeoutMs)
  // A connection whose last answer is out would be kept for the next request, and the server with it.
  server.on('request', (_, response) => {
    response.once('close', () => {
      if (closing.signal.aborted) setImmediate(() => server.closeIdleConnections())
    })
  })
  server.on('checkExpectation', (_, response) => {
    const { body, headers } = refuse(417)
    response.writeHead(417, headers).end(body)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const { body, headers } = refuse(status)
    const lines = Object.entries({ ...headers, connection: 'close', 'content-length': String(body.length) })
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`,
    )
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  const actualPort = (server.address() as AddressInfo).port

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}/`,
    port: actualPort,
    close: async ({ drainMs = 2_000 } = {}) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      closing.abort()
      server.closeIdleConnections()
      const drained = new AbortController()
      const overdue = clock.sleep(drainMs, drained.signal).then(
        () => server.closeAllConnections(),
        () => {},
      )
      await closed
      drained.abort()
      await overdue
    },
  }
}

/** The headers that the app sets on each answer, for those answers that never reach it. */
async function headersOfEveryAnswer(app: Served): Promise<Record<string, string>> {
  const { headers } = await app.request('/healthz', { method: 'HEAD' })
  return Object.fromEntries(
    [...headers].filter(([name]) => !/^(content-(type|length|encoding)|etag|vary)$/.test(name)),
  )
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): RivuletError {
  if (error.code === 'EADDRINUSE') {
    return new RivuletError('PORT_IN_USE', `Port ${port} of ${host} is in use; choose another one`, {
      cause: error,
      place: { parameter: 'port' },
    })
  }
  return new RivuletError('BAD_CONFIG', `${host}, port ${port}, can't be listened on: ${error.message}`, {
    cause: error,
    place: { parameter: 'host' },
  })
}
