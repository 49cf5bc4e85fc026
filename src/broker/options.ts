import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'

const count = z.number().int().positive()
const ms = z.number().int().nonnegative()

const limits = z.object({
  /** When written data is forced to the medium. Acknowledged data survives the end of the process (`kill -9`) in
   * any case; this is about a loss of power. `always`: before it is acknowledged. `interval`: every
   * `fsyncIntervalMs`, so at most so much is lost. `never`: as the operating system likes; and at a clean close. */
  fsync: z.enum(['always', 'interval', 'never']).default('interval'),
  fsyncIntervalMs: count.default(1_000),
  /** One request; a longer one ends its connection. */
  requestBytesMax: count.default(100 * 1024 * 1024),
  /** One answer to Fetch (plus at most one batch). */
  fetchBytesMax: count.default(55 * 1024 * 1024),
  connectionsMax: count.default(1_024),
  /** Of all topics together. */
  partitionsMax: count.default(4_096),
  groupInitialRebalanceDelayMs: ms.default(0),
  groupSessionTimeoutMsMin: ms.default(6_000),
  groupSessionTimeoutMsMax: ms.default(1_800_000),
  groupMembersMax: count.default(1_000),
  transactionTimeoutMsMax: count.default(900_000),
  /** How often retention and compaction look for something to do. */
  maintenanceIntervalMs: count.default(15_000),
  /** Keys that one pass of compaction remembers. */
  compactionKeysMax: count.default(1_000_000),
  /** An idempotent producer not heard of for so long is forgotten. */
  producerIdExpirationMs: count.default(86_400_000),
})

/** What bounds the broker, each with its unit; the defaults are Kafka's where Kafka has them. */
export type BrokerLimits = z.output<typeof limits>

export interface BrokerOptions extends Partial<BrokerLimits> {
  /** Where the log is kept, made when it is missing; absent: everything is in memory. */
  readonly dataDir?: string
  /** Default 127.0.0.1. Clients are told to come back to it. */
  readonly host?: string
  /** Default 0: any free one. */
  readonly port?: number
  readonly clock?: Clock
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
  const parsed = limits.safeParse(rest)
  if (!parsed.success) {
    throw new RivuletError('BAD_CONFIG', `broker options: ${z.prettifyError(parsed.error)}`)
  }
  return { dataDir, host, port, clock, logger, limits: parsed.data }
}
