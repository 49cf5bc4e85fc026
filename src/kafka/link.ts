import type { Socket } from 'node:net'
import {
  Broker,
  Connection,
  defaultSocketFactory,
  type KafkajsLogger,
  type ProtocolRequest,
} from './internals.ts'
import type { KafkaSettings } from './types.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** One open connection to one node, good for one thing: a long poll or a join blocks whatever else it carries. */
export interface Link {
  readonly broker: Broker
  send<T>(request: ProtocolRequest<T>): Promise<T>
  isOpen(): boolean
  /** Ends it at once; whatever waits for an answer fails. */
  destroy(): void
}

/**
 * Connects, asks for the versions, authenticates. A link that broke is never opened again: kafkajs keeps half an
 * answer of the old connection and reads on in the new one.
 */
export async function openLink(
  address: Address,
  options: KafkaSettings,
  logger: KafkajsLogger,
): Promise<Link> {
  const sasl = options.sasl ?? null
  const connectionTimeout = options.connectTimeoutMs ?? 3_000
  const createSocket = options.socketFactory ?? defaultSocketFactory()
  let socket: Socket | undefined
  const connection = new Connection({
    ...address,
    ssl: options.ssl ? {} : null,
    sasl,
    clientId: options.clientId,
    connectionTimeout,
    requestTimeout: options.requestTimeoutMs ?? 15_000,
    socketFactory: (socketOptions) => {
      socket = createSocket(socketOptions)
      return socket
    },
    logger,
  })
  const broker = new Broker({
    connectionPool: {
      ...address,
      sasl,
      connectionTimeout,
      isConnected: () => connection.isConnected(),
      isAuthenticated: () => connection.isAuthenticated(),
      getConnection: async () => {
        if (!connection.isConnected()) await connection.connect()
        return connection
      },
      setVersions: (versions) => connection.setVersions(versions),
      setSupportAuthenticationProtocol: (supported) => connection.setSupportAuthenticationProtocol(supported),
      send: (request) => connection.send(request),
      destroy: () => connection.disconnect(),
    },
    logger,
    allowAutoTopicCreation: false,
  })
  // Only an error makes kafkajs settle the requests under way; a plain close leaves them for ever.
  const destroy = () => socket?.destroy(new Error('closed by Rivulet'))
  try {
    await broker.connect()
  } catch (error) {
    destroy()
    throw error
  }
  return {
    broker,
    send: (request) => connection.send(request),
    isOpen: () => connection.isConnected(),
    destroy,
  }
}
