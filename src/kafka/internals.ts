import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { SocketFactory } from './options.ts'

/**
 * The lower layers of kafkajs 2.2.4: connections, authentication, and the wire format of the small requests. Its
 * consumer, producer and cluster are not used: see `DESIGN.md`. This is the only file that imports it; the types say
 * what is true of that version, which is pinned.
 */
const require = createRequire(import.meta.url)

export interface KafkajsLogger {
  namespace(name: string): KafkajsLogger
  debug(message: string, extra?: object): void
  info(message: string, extra?: object): void
  warn(message: string, extra?: object): void
  error(message: string, extra?: object): void
}

/** A request with a wire format of our own. `decode` gets what follows the correlation id. */
export interface ProtocolRequest<T> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: {
    decode(bytes: Buffer): Promise<T & { readonly clientSideThrottleTime?: number }>
    parse(data: T): Promise<T>
  }
  /** Ms; only above the connection's own limit. */
  readonly requestTimeout?: number
  readonly logResponseError?: boolean
}

export interface Connection {
  /** Absent until `connect`. */
  readonly socket?: Socket
  connect(): Promise<unknown>
  disconnect(): Promise<unknown>
  isConnected(): boolean
  isAuthenticated(): boolean
  setVersions(versions: unknown): void
  setSupportAuthenticationProtocol(supported: boolean): void
  send<T>(request: ProtocolRequest<T>): Promise<T>
}

/** One step of a login: bytes there, bytes back. Both begin with their length. */
export interface SaslMessage<T> {
  readonly request: { encode(): Promise<Buffer> }
  readonly response: { decode(bytes: Buffer): Promise<T>; parse(data: T): Promise<T> }
}

/** Logs in on one connection, and again before its session ends. */
export type AuthenticationProvider = (node: {
  readonly host: string
  readonly port: number
  readonly logger: KafkajsLogger
  readonly saslAuthenticate: <T>(message: SaslMessage<T>) => Promise<T>
}) => { authenticate(): Promise<void> }

export interface Sasl {
  readonly mechanism: string
  readonly authenticationProvider: AuthenticationProvider
}

interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly ssl: object | null
  readonly sasl: Sasl | null
  readonly clientId: string
  readonly connectionTimeout: number
  readonly requestTimeout: number
  readonly enforceRequestTimeout: boolean
  readonly socketFactory: SocketFactory
  readonly logger: KafkajsLogger
}

export interface TopicPartitions<P> {
  readonly topic: string
  readonly partitions: readonly P[]
}

interface Producer {
  readonly transactionalId: string
  readonly producerId: string
  readonly producerEpoch: number
}

interface Membership {
  readonly groupId: string
  readonly memberId: string
}

/** Requests to one node. Rejects with a `KafkaJSError`: see `translate.ts`. Offsets are decimal strings. */
export interface Broker {
  /** By API key; known when it is connected. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>
  connect(): Promise<void>
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{
    readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number }
  }>
  leaveGroup(request: Membership): Promise<unknown>
  describeGroups(request: { groupIds: readonly string[] }): Promise<{
    readonly groups: readonly {
      readonly members: readonly {
        readonly memberId: string
        readonly clientId: string
        readonly clientHost: string
        readonly memberAssignment: Buffer
      }[]
    }[]
  }>
  deleteGroups(
    groupIds: readonly string[],
  ): Promise<{ readonly results: readonly { readonly errorCode: number }[] }>
  offsetFetch(request: {
    groupId: string
    topics: readonly TopicPartitions<{ partition: number }>[]
  }): Promise<{
    readonly responses: readonly TopicPartitions<{
      readonly partition: number
      readonly offset: string
      readonly metadata: string | null
    }>[]
  }>
  listOffsets(request: {
    isolationLevel: number
    topics: readonly TopicPartitions<{ partition: number; timestamp: number }>[]
  }): Promise<{
    readonly responses: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[]
  }>
  describeConfigs(request: { resources: readonly { type: number; name: string }[] }): Promise<{
    readonly resources: readonly {
      readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[]
    }[]
  }>
  createTopics(request: {
    topics: readonly {
      topic: string
      numPartitions: number
      replicationFactor: number
      configEntries: readonly { name: string; value: string }[]
    }[]
  }): Promise<unknown>
  deleteTopics(request: { topics: readonly string[] }): Promise<unknown>
  deleteRecords(request: {
    topics: readonly TopicPartitions<{ partition: number; offset: string }>[]
  }): Promise<unknown>
  initProducerId(request: {
    transactionalId: string | null
    transactionTimeout: number
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>
  addPartitionsToTxn(request: Producer & { topics: readonly TopicPartitions<number>[] }): Promise<unknown>
  addOffsetsToTxn(request: Producer & { groupId: string }): Promise<unknown>
  endTxn(request: Producer & { transactionResult: boolean }): Promise<unknown>
}

interface ConnectionPool {
  readonly host: string
  readonly port: number
  readonly sasl: Sasl | null
  readonly connectionTimeout: number
  isConnected(): boolean
  isAuthenticated(): boolean
  getConnection(): Promise<Connection>
  setVersions(versions: unknown): void
  setSupportAuthenticationProtocol(supported: boolean): void
  send<T>(request: ProtocolRequest<T>): Promise<T>
  destroy(): Promise<unknown>
}

/** Ms before a session's end. */
const loginAheadMsMax = 10_000

const KafkajsConnection: new (
  options: ConnectionOptions,
) => Connection & {
  readonly sessionLifetime: { toNumber(): number }
} = require('kafkajs/src/network/connection')

// kafkajs 2.2.4 logs in anew with the first request of a session's last 10 s: in a session that is hardly longer, with each
// one, which Kafka takes once a second at most.
export const Connection: new (options: ConnectionOptions) => Connection = class extends KafkajsConnection {
  constructor(options: ConnectionOptions) {
    super(options)
    Object.defineProperty(this, 'reauthenticationThreshold', {
      get: () => Math.min(loginAheadMsMax, Math.floor(this.sessionLifetime.toNumber() / 5)),
    })
  }
}

/** Kafkajs's own logins by SCRAM. */
export const scramProviders: Readonly<
  Record<
    'scram-sha-256' | 'scram-sha-512',
    (login: { readonly username: string; readonly password: string }) => AuthenticationProvider
  >
> = {
  'scram-sha-256': require('kafkajs/src/broker/saslAuthenticator/scram256'),
  'scram-sha-512': require('kafkajs/src/broker/saslAuthenticator/scram512'),
}

export const Broker: new (options: {
  readonly connectionPool: ConnectionPool
  readonly logger: KafkajsLogger
  readonly allowAutoTopicCreation: boolean
}) => Broker = require('kafkajs/src/broker')
export const defaultSocketFactory: () => SocketFactory = require('kafkajs/src/network/socketFactory')

/** The one of Kafka's consumer protocol: topics and user data of a member, partitions of an assignment. */
export const memberProtocol: {
  readonly MemberMetadata: {
    encode(metadata: { version: number; topics: readonly string[]; userData: Buffer }): Buffer
    decode(bytes: Buffer): { readonly topics: readonly string[]; readonly userData: Buffer | null }
  }
  readonly MemberAssignment: {
    encode(assignment: {
      version: number
      assignment: Readonly<Record<string, readonly number[]>>
      userData: Buffer
    }): Buffer
    decode(bytes: Buffer): {
      readonly assignment: Readonly<Record<string, readonly number[]>>
      readonly userData: Buffer | null
    } | null
  }
} = require('kafkajs/src/consumer/assignerProtocol')

/** The error for a code in an answer; 0 is none. */
export const createErrorFromCode: (code: number) => Error =
  require('kafkajs/src/protocol/error').createErrorFromCode

const RequestQueue: {
  readonly prototype: { readonly pending: readonly unknown[]; scheduleCheckPendingRequests(): void }
} = require('kafkajs/src/network/requestQueue')

// After the first response, each connection of kafkajs 2.2.4 looks every millisecond, for ever, whether a request
// waits to be sent: about 1,000 wake-ups a second for nothing. Look only while one does wait.
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) schedule.call(this)
}
