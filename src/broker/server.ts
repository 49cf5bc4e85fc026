import { createServer, type Server, type Socket } from 'node:net'
import { RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly connectionsMax: number
  readonly logger: Logger
  readonly onConnection: (socket: Socket) => void
}

export interface Listening {
  readonly port: number
  /** Takes no more connections; resolves when those that there are have gone. */
  close(): Promise<void>
}

/** Listens on TCP. Rejects with `PORT_IN_USE`, or `BAD_CONFIG` for an address that is not ours. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { connectionsMax, logger } = options
  const server = createServer({ noDelay: true }, options.onConnection)
  server.maxConnections = connectionsMax
  server.on('drop', () => logger.warn({ connectionsMax }, 'Refused a connection: there are too many'))
  const port = await bind(server, options)
  server.on('error', (error) => logger.error({ err: error }, 'The broker could not accept a connection'))
  return {
    port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function bind(server: Server, { host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const inUse = 'code' in error && error.code === 'EADDRINUSE'
      const message = inUse
        ? `port ${port} on ${host} is in use by another program`
        : `can't listen on ${host}:${port}: ${error.message}`
      reject(new RivuletError(inUse ? 'PORT_IN_USE' : 'BAD_CONFIG', message, { cause: error }))
    })
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}
