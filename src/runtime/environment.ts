import { checked } from '../checked.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Compression, compressions } from '../compression/compression.ts'
import { RivuletError } from '../errors.ts'
import type { Kafka } from '../kafka/types.ts'
import { createLogger, type Logger } from '../logger.ts'
import { shown } from '../shown.ts'
import type { StoreType } from '../state/store.ts'
import type { LogDirectory } from '../storage/storage.ts'
import type { CallbackErrorHandler, ProductionErrorHandler } from './failed-record.ts'

/**
 * `exactly-once`: outputs, changelogs and offsets of one commit are one Kafka transaction, so a crash leaves all of it
 * or nothing; readers see it at the commit. `at-least-once`: they are written in this order, so a crash between them
 * repeats what was not committed. A source has one owner either way, but only `exactly-once` shuts out the one before: with
 * `at-least-once`, what an owner had in hand when it was frozen, it still writes when another has taken over.
 */
export type Processing = 'exactly-once' | 'at-least-once'

/**
 * What a topology is run against.
 *
 * @example
 * ```ts
 * const environment: Environment = {
 *   kafka: connectKafka({ brokers: ['localhost:9092'], clientId: 'shop' }),
 *   connections: { clickhouse: await connectClickHouse({ path: './data', clock: systemClock, logger: silentLogger }) },
 *   stateDir: './state',
 * }
 * ```
 */
export interface Environment {
  /** Where the topics are. */
  readonly kafka: Kafka
  /** By the name that the sinks ask for, such as `{ clickhouse }`. */
  readonly connections?: Readonly<Record<string, unknown>>
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: warnings and worse, on stderr. */
  readonly logger?: Logger
  /** Where the stores' checkpoints and rows lie, as a path or as a folder; absent: each start reads the whole changelogs. */
  readonly stateDir?: string | LogDirectory
  /**
   * Where stores keep their rows that do not say it themselves, if they can be there: `disk`, in `stateDir`, for more rows
   * than memory has room for. Default `memory`. Source: `default.dsl.store` (KIP-591).
   */
  readonly storeType?: StoreType
  /**
   * How many copies of each task's stores other instances keep up to date: one of them takes over without reading whole
   * changelogs. An instance that comes gets tasks when its copies have caught up. Default 0. Source: `num.standby.replicas`.
   */
  readonly standbys?: number
  /**
   * By how many records a copy may be behind its changelogs and yet take over at once. Default 10,000. Source:
   * `acceptable.recovery.lag`.
   */
  readonly acceptableRecoveryLag?: number
  /** Default `exactly-once`. */
  readonly processing?: Processing
  /** How what is written to topics is compressed, where the topic does not say it. Default `none`. */
  readonly compression?: Compression
  /** The same for changelogs, repartition topics and what else is the application's own. Default: `compression`. */
  readonly internalCompression?: Compression
  /**
   * How long what was processed waits for its commit. Default with at-least-once: 1,000. Default with exactly-once: a task
   * that has caught up commits what it has sent at once, though not within 10 of the last one; one that is far behind every
   * 1,000; any other after 100.
   */
  readonly commitIntervalMs?: number
  /** Records fetched and not yet processed, for each input partition; beyond it the partition is paused. Default 5,000. */
  readonly recordsBufferedMax?: number
  /** Bytes of a task that Kafka has not acknowledged; beyond it the task waits. Default 16 MiB. */
  readonly bytesUnsentMax?: number
  /** Of one partition in one fetch: what may come on top of the records buffered. Default 256 KiB. */
  readonly partitionFetchBytesMax?: number
  /**
   * How long a task with several inputs waits for producers when one of them has nothing. For data known to be on
   * the broker it waits always. Default 0.
   */
  readonly taskIdleMsMax?: number
  /** Least wall-clock time between two looks for closed windows or unmatched join records. Default 1,000. */
  readonly emitIntervalMs?: number
  /** How long a topic may be there before a pattern finds it; asked of Kafka so often. Default 30,000. Source: `metadata.max.age.ms`. */
  readonly metadataMaxAgeMs?: number
  /** What becomes of a record on which a user's callback throws; default: the program fails. */
  readonly onCallbackError?: CallbackErrorHandler
  /**
   * What becomes of a record that can't be written to its topic; default: the program fails. With a handler, a commit
   * waits until Kafka has taken or refused all that belongs to it.
   */
  readonly onProductionError?: ProductionErrorHandler
  /**
   * What becomes of bytes that the topic's serdes refuse, and of a record that an external sink refuses. Default: to the
   * topic `<topic>-dead-letters`, counted.
   */
  readonly onDecodeError?: 'dead-letter' | 'fail'
  /** Put before the name of every topic and of the group, such as `simulated-`. */
  readonly topicPrefix?: string
  /** Whether this instance may run the topology's sources, each of which one of all instances runs. Default true. */
  readonly sources?: boolean
  /** What a source has emitted and is not committed; at half of it the source is asked to pause. Default 20,000. */
  readonly sourceRecordsMax?: number
  /**
   * A name that no other instance has, the same after each restart, such as a pod's in a StatefulSet: then a restart within
   * `sessionTimeoutMs` moves no task and no source. Stopping leaves them where they are for as long. Default: none. Source:
   * Kafka's `group.instance.id` (KIP-345).
   */
  readonly groupInstanceId?: string | undefined
  /**
   * Where others can ask this instance, such as `10.0.0.7:8502`: told to all of them, for `Running.metadataForKey`. Nothing
   * listens there by itself. Default: nowhere. Source: `application.server`.
   */
  readonly applicationServer?: string | undefined
  /**
   * How long the group waits for an instance that is not heard of, before others take over. Default 10,000; the broker's
   * `group.min.session.timeout.ms` (6,000) and `group.max.session.timeout.ms` are its bounds.
   */
  readonly sessionTimeoutMs?: number
  /** How long an instance may take to commit what is going to be taken from it. Default 60,000. */
  readonly rebalanceTimeoutMs?: number
  /** A transaction that is open for longer is taken back by the broker. Default 60,000; at most its `transaction.max.timeout.ms`. */
  readonly transactionTimeoutMs?: number
  /** How long stopping may take; what is not written by then is done again by the next start. Default 8,000. */
  readonly stopTimeoutMs?: number
}

type Optional =
  | 'commitIntervalMs'
  | 'stateDir'
  | 'applicationServer'
  | 'groupInstanceId'
  | 'onProductionError'

export type Settings = Required<Omit<Environment, Optional>> & Pick<Environment, Optional>

/** Fills in the defaults. Throws `BAD_CONFIG` for a number that is none, or by which nothing could go on. */
export function settingsOf(environment: Environment): Settings {
  const processing = environment.processing ?? 'exactly-once'
  const settings: Settings = {
    connections: {},
    clock: systemClock,
    storeType: 'memory',
    standbys: 0,
    acceptableRecoveryLag: 10_000,
    processing,
    compression: 'none',
    internalCompression: environment.compression ?? 'none',
    ...(processing === 'at-least-once' && { commitIntervalMs: 1_000 }),
    recordsBufferedMax: 5_000,
    bytesUnsentMax: 16 * 1024 * 1024,
    partitionFetchBytesMax: 256 * 1024,
    taskIdleMsMax: 0,
    emitIntervalMs: 1_000,
    metadataMaxAgeMs: 30_000,
    onCallbackError: () => 'fail',
    onDecodeError: 'dead-letter',
    topicPrefix: '',
    sources: true,
    sourceRecordsMax: 20_000,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    transactionTimeoutMs: 60_000,
    stopTimeoutMs: 8_000,
    ...environment,
    logger: environment.logger ?? createLogger({ level: 'warn' }),
  }
  for (const [name, min] of leastValues) {
    const value = settings[name]
    if (value !== undefined) checked({ [name]: value }, min, 'BAD_CONFIG')
  }
  checkCompression('compression', settings.compression)
  checkCompression('internalCompression', settings.internalCompression)
  return settings
}

function checkCompression(parameter: string, compression: Compression): void {
  if (compressions.includes(compression)) return
  const message = `${parameter} must be ${compressions.join(', ')}, not ${shown(compression)}`
  throw new RivuletError('BAD_CONFIG', message, { place: { parameter } })
}

/** How an instance is a member of its groups: the one that shares out tasks, and the one that shares out sources. */
export function membershipIn({ groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs }: Settings) {
  return { groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs }
}

const leastValues = [
  ['standbys', 0],
  ['acceptableRecoveryLag', 0],
  ['commitIntervalMs', 0],
  ['recordsBufferedMax', 1],
  ['bytesUnsentMax', 1],
  ['partitionFetchBytesMax', 1],
  ['taskIdleMsMax', 0],
  ['emitIntervalMs', 0],
  ['metadataMaxAgeMs', 1],
  ['sourceRecordsMax', 1],
  ['sessionTimeoutMs', 1],
  ['rebalanceTimeoutMs', 1],
  ['transactionTimeoutMs', 1],
  ['stopTimeoutMs', 0],
] as const
