import { RivuletError } from '../errors.ts'
import type { LogDirectory } from '../storage/storage.ts'
import { CommittedOffsets } from './group/offsets.ts'
import type { CompactionOptions } from './log/compaction.ts'
import type { BrokerConfig } from './options.ts'
import { RecoveryPoints } from './state/recovery-points.ts'
import { StateTable } from './state/state-table.ts'
import { Topics } from './topic/topics.ts'
import { transactionsAsOf } from './transaction/transactions.ts'

const compactionSliceBytes = 1_048_576

/** All that is in a broker's folder, sound and in agreement. */
export interface BrokerLogs {
  readonly compaction: CompactionOptions
  readonly recoveryPoints: RecoveryPoints
  readonly state: StateTable
  readonly topics: Topics
}

/**
 * Opens everything in a broker's folder and checks it. Throws `LOG_CORRUPT`, and has changed nothing then, where something
 * is damaged or missing that a crash can't explain. After a loss of power, logs and state may contradict each other, as
 * they come to the medium in any order: with `fsync: interval` all of them go back to the recovery points, a moment in
 * which they agreed; with `always` this can't be; with `never` it is taken as it is.
 */
export function openLogs(directory: LogDirectory, config: BrokerConfig): BrokerLogs {
  const { logger, limits } = config
  const logs = readLogs(directory, config)
  const contradiction = contradictionIn(logs)
  const canGoBack = limits.fsync === 'interval' && logs.recoveryPoints.areKnown
  if (contradiction !== undefined && limits.fsync !== 'never' && !canGoBack) throw corrupt(contradiction)
  if (contradiction !== undefined)
    logger.warn(
      { contradiction, fsync: limits.fsync },
      'After a loss of power the logs contradict each other',
    )
  if (contradiction === undefined || !canGoBack) {
    repair(logs)
    return logs
  }
  rollBack(logs)
  logger.warn('Went back to when all logs agreed; what was cut from them is kept beside them')
  close(logs)
  const agreeing = readLogs(directory, config)
  const left = contradictionIn(agreeing)
  if (left !== undefined) throw corrupt(left)
  repair(agreeing)
  return agreeing
}

function readLogs(directory: LogDirectory, { clock, logger, limits }: BrokerConfig): BrokerLogs {
  const compaction = { clock, keysMax: limits.compactionKeysMax, sliceBytes: compactionSliceBytes }
  const recoveryPoints = new RecoveryPoints(directory)
  const state = new StateTable(directory.directory('state'), { clock, logger, compaction, recoveryPoints })
  const topics = new Topics({
    ...{ clock, logger, state, recoveryPoints, partitionsMax: limits.partitionsMax },
    hidesUnsynced: limits.fsync === 'always',
    directory: directory.directory('topics'),
  })
  return { compaction, recoveryPoints, state, topics }
}

function repair({ state, topics }: BrokerLogs): void {
  state.log.repair()
  topics.repair()
}

function close({ state, topics, recoveryPoints }: BrokerLogs): void {
  state.log.close()
  topics.close()
  recoveryPoints.close()
}

const advice =
  "restore what is missing; or, if this broker ran with fsync 'interval' and lost its power, start it so once: it goes " +
  'back to the last moment in which all of its logs agreed'

function corrupt(contradiction: string): RivuletError {
  return new RivuletError('LOG_CORRUPT', `${contradiction}; ${advice}`)
}

/** Something that is there and rests on something that is not; undefined where all agree. */
function contradictionIn({ state, topics }: BrokerLogs): string | undefined {
  const restsOn = new Map(state.restsOn)
  for (const log of topics.logs()) {
    const neededTo = restsOn.get(log.name) ?? 0
    if (neededTo > log.endOffset)
      return `the broker's state needs ${log.name} up to offset ${neededTo}, but it ends at ${log.endOffset}`
    if (log.restsOnState > state.log.endOffset)
      return `${log.name} needs the broker's state up to offset ${log.restsOnState}, but it ends at ${state.log.endOffset}`
  }
  return undefined
}

/** The state comes last: what is cut short is found again, and done again. Topics and ids are not taken back. */
function rollBack({ state, topics }: BrokerLogs): void {
  for (const log of topics.logs()) log.rollBack()
  state.log.repair()
  state.rollBack([
    ...state.changedSince(CommittedOffsets.prefix),
    ...state.changedSince(Topics.startOffsetPrefix),
    ...transactionsAsOf(state),
  ])
}
