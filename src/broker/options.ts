import { checked } from '../checked.ts'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'

/** What bounds the broker, each with its unit; the defaults are Kafka's where Kafka has them. */
export interface BrokerLimits {
  /**
   * When written data is forced to the medium. Acknowledged data survives the end of the process (`kill -9`) in any
   * case; this is about a loss of power. `always`: before it is acknowledged. `interval`, the default: every
   * `fsyncIntervalMs`, so at most so much is lost; where logs contradict each other then, all of them go back to the
   * last moment in which they agreed, so that transactions are whole. `never`: as the operating system likes, which may
   * leave half of one; and at a clean close.
   */
  readonly fsync: 'always' | 'interval' | 'never'
  /** Default 1,000. */
  readonly fsyncIntervalMs: number
  /** One request; a longer one ends its connection. Default 100 MiB. */
  readonly requestBytesMax: number
  /** One answer to Fetch (plus at most one batch). Default 55 MiB. */
  readonly fetchBytesMax: number
  /** Default 1,024. */
  readonly connectionsMax: number
  /** Of all topics together. Default 4,096. */
  readonly partitionsMax: number
  /** Default 0. */
  readonly groupInitialRebalanceDelayMs: number
  /** Default 6,000. */
  readonly groupSessionTimeoutMsMin: number
  /** Default 30 minutes. */
  readonly groupSessionTimeoutMsMax: number
  /** Default 1,000. */
  readonly groupMembersMax: number
  /** Default 15 minutes. */
  readonly transactionTimeoutMsMax: number
  /** How often retention and compaction look for something to do. Default 15,000. */
  readonly maintenanceIntervalMs: number
  /** Keys that one pass of compaction remembers. Default 1,000,000. */
  readonly compactionKeysMax: number
  /** An idempotent producer not heard of for so long is forgotten. Default 1 day. */
  readonly producerIdExpirationMs: number
}

const fsyncs: readonly BrokerLimits['fsync'][] = ['always', 'interval', 'never']

const defaults: BrokerLimits = {
  fsync: 'interval',
  fsyncIntervalMs: 1_000,
  requestBytesMax: 100 * 1024 * 1024,
  fetchBytesMax: 55 * 1024 * 1024,
  connectionsMax: 1_024,
  partitionsMax: 4_096,
  groupInitialRebalanceDelayMs: 0,
  groupSessionTimeoutMsMin: 6_000,
  groupSessionTimeoutMsMax: 1_800_000,
  groupMembersMax: 1_000,
  transactionTimeoutMsMax: 900_000,
  maintenanceIntervalMs: 15_000,
  compactionKeysMax: 1_000_000,
  producerIdExpirationMs: 86_400_000,
}

/** Where a broker listens and keeps its log, and what bounds it. */
export interface BrokerOptions extends Partial<BrokerLimits> {
  /** Where the log is kept, made when it is missing; absent: everything is in memory. */
  readonly dataDir?: string
  /**
   * Default 127.0.0.1. Clients are told to come back to it; where it stands for all addresses of this machine (`0.0.0.0`,
   * `::`), to the one that they came to.
   */
  readonly host?: string
  /** Default 0: any free one. */
  readonly port?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: silent. */
  readonly logger?: Logger
}

export interface BrokerConfig {
  readonly dataDir: string | undefined
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: BrokerLimits
}

/** Throws `BAD_CONFIG` with the option's name. */
export function brokerConfig(options: BrokerOptions): BrokerConfig {
  const {
    dataDir,
    host = '127.0.0.1',
    port = 0,
    clock = systemClock,
    logger = silentLogger,
    ...rest
  } = options
  const limits = { ...defaults, ...rest }
  checkLimits(limits)
  return { dataDir, host, port, clock, logger, limits }
}

function checkLimits({ fsync, ...limits }: BrokerLimits): void {
  const { groupInitialRebalanceDelayMs, groupSessionTimeoutMsMin, groupSessionTimeoutMsMax, ...counts } =
    limits
  checked(
    { groupInitialRebalanceDelayMs, groupSessionTimeoutMsMin, groupSessionTimeoutMsMax },
    0,
    'BAD_CONFIG',
  )
  checked(counts, 1, 'BAD_CONFIG')
  if (!fsyncs.includes(fsync)) {
    throw new RivuletError('BAD_CONFIG', `fsync must be ${fsyncs.join(', ')}, not ${fsync}`, {
      place: { parameter: 'fsync' },
    })
  }
}
