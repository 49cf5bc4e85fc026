import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, type Logger, messageOf, RivuletError } from 'rivulet'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { RateLimiter } from '../rate-limiter.ts'
import { ExchangeClient } from './client.ts'
import type { ExchangeFaults } from './faults.ts'
import type { Market } from './market.ts'
import { answer } from './rest.ts'

/** No client sends more than a subscription. */
const requestBytesMax = 1024 * 1024
/** Clients of a local exchange are few, and all of them take descriptors of one process. */
const connectionsMax = 100

export interface ExchangeOptions {
  readonly market: Market
  readonly clock: Clock
  readonly logger: Logger
  /** Default 0: any free one. */
  readonly port?: number
  /** What goes wrong, for tests. */
  readonly faults?: ExchangeFaults
}

export interface Exchange extends Omit<ExchangeServer, 'server'> {
  readonly wsUrl: string
  readonly restUrl: string
}

/** The exchange, wherever its connections come from. */
export interface ExchangeServer {
  /** A connection is one that it listens for, or is given as event `connection`. */
  readonly server: Server
  readonly products: readonly string[]
  /** Cuts all connections as a broken network does: without a word. For tests. */
  dropClients(): void
  /** How many connections are open. For tests. */
  clients(): number
  close(): Promise<void>
}

/** The local exchange on loopback. Throws `PORT_IN_USE`. */
export async function startExchange({ port = 0, ...options }: ExchangeOptions): Promise<Exchange> {
  const { server, ...exchange } = exchangeServer(options)
  await new Promise<void>((resolve, reject) => {
    server.on('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'SOURCE_FAILED'
      reject(
        new RivuletError(code, `the local exchange can't listen on port ${port}: ${cause.message}`, {
          cause,
        }),
      )
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address() as AddressInfo
  return {
    ...exchange,
    wsUrl: `ws://127.0.0.1:${address.port}`,
    restUrl: `http://127.0.0.1:${address.port}`,
  }
}

/**
 * A server that speaks Coinbase's WebSocket and REST protocol, as far as a client of `ticker`, `matches` and
 * `heartbeat` can see, rate limits and disconnects included; it does not listen yet. Source: Coinbase Exchange API.
 */
export function exchangeServer(options: Omit<ExchangeOptions, 'port'>): ExchangeServer {
  const { market, clock, logger, faults = {} } = options
  const stop = new AbortController()
  const clients = new Set<ExchangeClient>()
  const restLimiter = new RateLimiter({ perSecond: 10, burst: 15 }, clock)

  const server = createServer((request, response) => {
    answer(request, response, { market, clock, limiter: restLimiter, faults, signal: stop.signal }).catch(
      (error: unknown) => {
        logger.debug({ error: messageOf(error) }, 'the local exchange could not answer')
        response.destroy()
      },
    )
  })
  server.maxConnections = connectionsMax
  const sockets = new WebSocketServer({
    server,
    maxPayload: requestBytesMax,
    perMessageDeflate: false,
    verifyClient: () => faults.refusesConnection?.() !== true,
  })
  // It passes on the errors of the server, whose own listeners are told.
  sockets.on('error', () => {})
  let pumping: Promise<void> | undefined
  sockets.on('connection', (socket: WebSocket) => {
    const client = new ExchangeClient({ socket, market, clock, faults })
    clients.add(client)
    socket.on('error', (error) =>
      logger.debug({ error: messageOf(error) }, 'a client of the local exchange failed'),
    )
    socket.on('close', () => {
      clients.delete(client)
      client.close()
    })
    socket.on('message', (data: RawData) => {
      client.receive(String(data))
      // A replay begins with the first subscription, else its first listener would miss its beginning.
      if (client.isSubscribed) pumping ??= pump()
    })
  })

  async function pump(): Promise<void> {
    try {
      for await (const frame of market.frames({ clock, signal: stop.signal })) {
        for (const client of clients) client.send(frame)
        if (!market.paced) for (const client of clients) await client.drained()
      }
    } catch (error) {
      if (!stop.signal.aborted) logger.error({ error: messageOf(error) }, 'the local market stopped')
    }
  }

  const close = async () => {
    stop.abort(new RivuletError('SOURCE_FAILED', 'the local exchange was closed'))
    for (const socket of sockets.clients) socket.terminate()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await Promise.all([closed, pumping])
    market.close()
  }
  return {
    server,
    products: market.products,
    dropClients: () => {
      for (const socket of sockets.clients) socket.terminate()
    },
    clients: () => clients.size,
    close,
  }
}
