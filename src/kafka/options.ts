import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { TlsContext, TlsOptions } from '../tls.ts'
import type { Trouble } from './trouble.ts'

/** Where Kafka is, and how to speak with it. */
export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  /** Said to the brokers, for their logs and quotas. */
  readonly clientId: string
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: warnings and worse, on stderr. */
  readonly logger?: Logger
  /** Whether to speak TLS, and with which certificates. Default: no. */
  readonly ssl?: boolean | TlsOptions
  /** How to log in. Default: not at all. */
  readonly sasl?: SaslOptions
  /** Told why, when calls have failed for a while, and undefined when one that did succeeds again. */
  readonly onTrouble?: (reason: string | undefined) => void
  /**
   * Where this client is, as `broker.rack` of brokers says it: topics are read from a replica there, where Kafka's
   * `replica.selector.class` names one (KIP-392). Default: from the leaders.
   */
  readonly clientRack?: string | undefined
  /**
   * How long an answer may take before the request is tried again. Default 15,000. One from a broker that is silent, and that
   * the others have given up, is not waited for so long.
   */
  readonly requestTimeoutMs?: number
  /** How long a TCP connection may take to open. Default 3,000. */
  readonly connectTimeoutMs?: number
  /** Default: TCP or TLS. An in-memory duplex does as well. */
  readonly socketFactory?: SocketFactory
}

/** The same with all that has a default, and what all of its connections have to say. */
export type KafkaSettings = Omit<KafkaOptions, 'ssl'> &
  Required<Pick<KafkaOptions, 'clock' | 'logger'>> & {
    readonly trouble: Trouble
    /** Absent: no TLS. */
    readonly tls?: TlsContext | undefined
  }

/** How to log in. Where Kafka ends sessions after a while, it is done again before (KIP-368). */
export type SaslOptions = PasswordLogin | TokenLogin

/** By a name and a password. */
export interface PasswordLogin {
  /** `plain` sends the password as it is: only over TLS. */
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  /** The user's name. */
  readonly username: string
  /** The user's password. */
  readonly password: string
}

/** By a token that somebody else gives. */
export interface TokenLogin {
  /** Also that of Amazon MSK with IAM. */
  readonly mechanism: 'oauthbearer'
  /** Where the token comes from, such as `clientCredentials(…)`. */
  readonly token: TokenProvider
}

/**
 * Gives a token that is still good for a while; asked for each login, so it should keep one. The signal aborts when nobody
 * waits any more. A `RivuletError` that is retryable is tried again; whatever else is thrown ends what needed the login.
 *
 * @example
 * ```ts
 * // From a file that a sidecar keeps fresh, as Kubernetes mounts the tokens of its service accounts.
 * const token: TokenProvider = async () => ({ value: readFileSync('/var/run/secrets/kafka/token', 'utf8') })
 * const kafka = connectKafka({
 *   brokers: ['kafka:9093'],
 *   clientId: 'shop',
 *   ssl: true,
 *   sasl: { mechanism: 'oauthbearer', token },
 * })
 * ```
 */
export type TokenProvider = (signal: AbortSignal) => Promise<BearerToken>

/** What an identity provider says of who logs in. */
export interface BearerToken {
  /** As it is sent: of a JWT, all three parts. */
  readonly value: string
  /** SASL extensions beside it, such as `{ logicalCluster: 'lkc-1' }`. Default: none. */
  readonly extensions?: Readonly<Record<string, string>>
}

/** Opens a connection to a broker, such as through a proxy, or in memory. */
export type SocketFactory = (options: {
  readonly host: string
  readonly port: number
  readonly ssl: object | null
  /** To be called when the connection is open. */
  readonly onConnect: () => void
}) => import('node:net').Socket
