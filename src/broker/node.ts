import * as v from 'valibot'
import { type Clock, newUuid } from '../clock.ts'
import type { LogDirectory } from '../storage/storage.ts'
import type { Services } from './api/api.ts'
import { Faults } from './faults.ts'
import { Groups } from './group/groups.ts'
import { CommittedOffsets } from './group/offsets.ts'
import { Compaction } from './log/compaction.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { enforceRetention } from './log/retention.ts'
import type { BrokerConfig } from './options.ts'
import { OneNode } from './placement.ts'
import { openLogs } from './recovery.ts'
import type { StateTable } from './state/state-table.ts'
import { ProducerIds } from './transaction/producer-ids.ts'
import { Transactions } from './transaction/transactions.ts'

const clusterIdKey = 'cluster id'

/** Everything of the broker but its connections and timers. */
export interface BrokerNode {
  readonly services: Services
  readonly placement: OneNode
  /** Forces all that was written to the medium, and notes in the recovery points that it is there. */
  sync(): Promise<void>
  /** Retention, compaction, and forgetting what nobody needs. */
  tidy(): Promise<void>
  /** Ends all timers; nothing is written any more. */
  close(): void
}

/** Opens what is in `directory`, checking every log, and ends the transactions that were left half ended. */
export async function openNode(directory: LogDirectory, config: BrokerConfig): Promise<BrokerNode> {
  const { clock, logger, limits, host, port } = config
  const placement = new OneNode(host, port)
  const { recoveryPoints, state, topics, compaction } = openLogs(directory, config)
  const sync = async (logs: Iterable<PartitionLog>) => {
    await Promise.all([...logs].map((log) => log.sync()))
    // Last: what it tells of the logs must not be ahead of them.
    await state.log.sync()
  }
  const durable = (logs: readonly PartitionLog[]) => (limits.fsync === 'always' ? sync(logs) : undefined)
  const allLogs = () => [state.log, ...topics.logs()]
  const syncAll = () => sync(topics.logs())
  const offsets = new CommittedOffsets(state, topics)
  const transactions = new Transactions({
    ...{ clock, logger, state, topics, offsets, producerIds: new ProducerIds(state) },
    transactionTimeoutMsMax: limits.transactionTimeoutMsMax,
    durable,
  })
  const groups = new Groups({
    ...{ clock, offsets, membersMax: limits.groupMembersMax },
    initialRebalanceDelayMs: limits.groupInitialRebalanceDelayMs,
    sessionTimeoutMsMin: limits.groupSessionTimeoutMsMin,
    sessionTimeoutMsMax: limits.groupSessionTimeoutMsMax,
    newMemberId: (clientId) => `${clientId}-${newUuid(clock)}`,
  })
  await transactions.recover()
  const clusterId = clusterIdOf(state, clock)
  if (limits.fsync !== 'never') await recoveryPoints.note(allLogs, syncAll)

  // Compaction must leave alone what a start may go back to.
  const settledEnd = (log: PartitionLog) =>
    limits.fsync === 'never' ? log.endOffset : (log.recoveryPoint?.endOffset ?? 0)
  const compactions = new WeakMap<PartitionLog, Compaction>()
  const tidy = async () => {
    await transactions.resume()
    groups.forgetDeserted()
    for (const log of topics.logs()) {
      enforceRetention(log, clock.now())
      log.producers.forgetIdleSince(clock.now() - limits.producerIdExpirationMs)
    }
    await recoveryPoints.note(allLogs, limits.fsync === 'never' ? undefined : syncAll)
    for (const log of topics.logs()) log.removeSegmentsBefore(log.recoveryPoint?.startOffset ?? 0)
    await state.compaction.run(settledEnd(state.log))
    for (const log of [...topics.logs()].filter(({ config }) => config.compacts)) {
      const its = compactions.get(log) ?? new Compaction(log, compaction)
      compactions.set(log, its)
      await its.run(settledEnd(log))
    }
  }
  return {
    placement,
    services: {
      ...{ clusterId, placement },
      ...{ clock, topics, groups, offsets, transactions, durable },
      faults: new Faults(logger),
      fetchBytesMax: limits.fetchBytesMax,
    },
    sync: () => recoveryPoints.note(allLogs, syncAll),
    tidy,
    close: () => {
      groups.close()
      transactions.close()
      topics.close()
      state.log.close()
      recoveryPoints.close()
    },
  }
}

function clusterIdOf(state: StateTable, clock: Clock): string {
  const known = v.safeParse(v.string(), state.get(clusterIdKey))
  if (known.success) return known.output
  const made = newUuid(clock)
  state.change([{ key: clusterIdKey, value: made }])
  return made
}
