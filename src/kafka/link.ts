import type { Socket } from 'node:net'
import { whenAborted } from '../aborted.ts'
import { RivuletError } from '../errors.ts'
import {
  Broker,
  Connection,
  defaultSocketFactory,
  type KafkajsLogger,
  type ProtocolRequest,
} from './internals.ts'
import { saslOf } from './login.ts'
import type { KafkaSettings } from './options.ts'

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

/** kafkajs's own timers run on the machine's time, which a simulation has not got: ours come first. */
const neverMs = 2 ** 31 - 1

/** The code of the error of a link without TLS to a port that speaks it. */
export const tlsExpected = 'TLS_EXPECTED'
/** The first byte of TLS's answer to what is none. No answer of Kafka has it: it would have 336 MB. */
const tlsAlert = 0x15

/**
 * Connects, asks for the versions, logs in. A link that broke is never opened again: kafkajs keeps half an
 * answer of the old connection and reads on in the new one. One on which an answer is overdue is ended: nobody knows what
 * became of the request, and whatever comes behind it would wait too. Aborted, it is ended, also while it is opened.
 */
export async function openLink(
  address: Address,
  options: KafkaSettings,
  logger: KafkajsLogger,
  signal?: AbortSignal,
): Promise<Link> {
  const { clock, tls, connectTimeoutMs = 3_000, requestTimeoutMs = 15_000 } = options
  const sasl = options.sasl ? saslOf(options.sasl, clock) : null
  const createSocket = options.socketFactory ?? defaultSocketFactory()
  let socket: Socket | undefined
  const connection = new Connection({
    ...address,
    ssl: tls ?? null,
    sasl,
    clientId: options.clientId,
    connectionTimeout: neverMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: false,
    socketFactory: (socketOptions) => {
      const created = createSocket(socketOptions)
      created.once('data', ([first]: Buffer) => {
        if (first === tlsAlert)
          created.destroy(Object.assign(new Error('TLS is expected'), { code: tlsExpected }))
      })
      socket = created
      if (signal?.aborted) destroy(String(signal.reason))
      return created
    },
    logger,
  })
  // Else kafkajs looks for the request of a login, and throws where the broker has none.
  if (!sasl) connection.setSupportAuthenticationProtocol(false)
  // Only an error makes kafkajs settle the requests under way; a plain close leaves them for ever.
  const destroy = (why = 'closed by Rivulet') => socket?.destroy(new Error(why))
  if (signal) whenAborted(signal, () => destroy(String(signal.reason)))
  const within = async <T>(timeoutMs: number, what: string, work: () => Promise<T>): Promise<T> => {
    const overdue = clock.scheduler.schedule(() => destroy(`${what} within ${timeoutMs} ms`), timeoutMs)
    try {
      return await work()
    } finally {
      overdue.unsubscribe()
    }
  }
  const send = <T>(request: ProtocolRequest<T>) =>
    within(Math.max(requestTimeoutMs, request.requestTimeout ?? 0), 'no answer', () =>
      connection.send(request),
    )
  const broker = new Broker({
    connectionPool: {
      ...address,
      sasl,
      connectionTimeout: connectTimeoutMs,
      isConnected: () => connection.isConnected(),
      isAuthenticated: () => connection.isAuthenticated(),
      getConnection: async () => {
        if (!connection.isConnected())
          await within(connectTimeoutMs, 'no connection', () => connection.connect())
        return connection
      },
      setVersions: (versions) => connection.setVersions(versions),
      setSupportAuthenticationProtocol: (supported) => connection.setSupportAuthenticationProtocol(supported),
      send,
      destroy: () => connection.disconnect(),
    },
    logger,
    allowAutoTopicCreation: false,
  })
  try {
    // Each step of a login has an answer of its own to wait for.
    await within(connectTimeoutMs + requestTimeoutMs, 'not open', () => broker.connect())
    checkVersions(broker, address)
  } catch (error) {
    destroy()
    throw error
  }
  return { broker, send, isOpen: () => connection.isConnected(), destroy: () => destroy() }
}

/** The newest thing that is asked of a broker: settled offsets (KIP-447), which came with Kafka 2.5. */
const newest = { api: 'OffsetFetch', apiKey: 9, version: 7 }

function checkVersions({ versions }: Broker, { host, port }: Address): void {
  const { maxVersion = 0 } = versions[newest.apiKey] ?? {}
  if (maxVersion >= newest.version) return
  const message = `Kafka at ${host}:${port} speaks ${newest.api} up to version ${maxVersion}; it takes ${newest.version}, which Kafka 2.5 brought`
  throw new RivuletError('KAFKA_FAILED', message)
}
