import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { shown } from '../shown.ts'
import { connectionsMaxOf } from './connections-max.ts'
import { isOwnName } from './host-names.ts'
import { answerMistakes, refusalsOf } from './refusals.ts'
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
  /** How long a request's headers may take to come; default 10,000. */
  readonly headersTimeoutMs?: number
  /** On loopback, by which names it is asked beside `localhost` and 127.0.0.1, such as that of a proxy. Default: none. */
  readonly allowedHosts?: readonly string[]
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

const requestTimeoutMs = 30_000
/** On which nothing was said, by either side: a stream of events says something every 15 s. */
const idleTimeoutMs = 60_000

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
  const { headersTimeoutMs = 10_000, allowedHosts = [] } = options
  const closing = new AbortController()
  const refusals = await refusalsOf(app)

  const server = createServer(
    // A request without a host is refused by the listener below, with the headers that each answer has.
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: headersTimeoutMs / 2,
      requireHostHeader: false,
    },
    getRequestListener(
      (request) => {
        const name = request.headers.get('host') ?? ''
        if (isOwnName(name, host, allowedHosts)) return app.fetch(request, { closing: closing.signal })
        return refusals.answer(421, `${shown(name)} is no name of this server: ${howToAllow}`)
      },
      // A target or a host that is no URL: it does not get as far as the app.
      { overrideGlobalObjects: false, errorHandler: () => refusals.answer(400) },
    ),
  )
  server.maxConnections = connectionsMax
  server.setTimeout(idleTimeoutMs)
  // A connection whose last answer is out would be kept for the next request, and the server with it.
  server.on('request', (_, response) => {
    response.once('close', () => {
      if (closing.signal.aborted) setImmediate(() => server.closeIdleConnections())
    })
  })
  answerMistakes(server, refusals)

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

const howToAllow = 'ask for localhost, or name it in ALLOWED_HOSTS'

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
