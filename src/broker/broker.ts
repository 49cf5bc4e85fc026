import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { messageOf, RivuletError } from '../errors.ts'
import type { Services } from './api/api.ts'
import { serveConnection } from './connection.ts'
import { Faults } from './faults.ts'
import { Groups } from './group/groups.ts'
import { CommittedOffsets } from './group/offsets.ts'
import { Compaction, type CompactionOptions } from './log/compaction.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { enforceRetention } from './log/retention.ts'
import { Maintenance } from './maintenance.ts'
import { type BrokerConfig, type BrokerOptions, brokerConfig } from './options.ts'
import { type Listening, listen } from './server.ts'
import { StateTable } from './state/state-table.ts'
import { DiskDirectory } from './storage/disk.ts'
import { MemoryDirectory } from './storage/memory.ts'
import type { LogDirectory } from './storage/storage.ts'
import { Topics } from './topic/topics.ts'
import { ProducerIds } from './transaction/producer-ids.ts'
import { Transactions } from './transaction/transactions.ts'

export interface EmbeddedBroker {
  readonly host: string
  readonly port: number
  /** For `new Kafka({ brokers })`. */
  readonly brokers: string[]
  /** Serves a client over any duplex, such as one in memory; resolves when that client has gone. */
  serve(duplex: Duplex): Promise<void>
  /** Ends all connections, forces everything to the medium, and frees the folder. */
  close(): Promise<void>
}

const nodeId = 1
const clusterIdKey = 'cluster id'
const compactionSliceBytes = 1_048_576

/**
 * Starts a small Kafka in this process: one node, the wire protocol that kafkajs 2.2.4 speaks, a log on disk or in
 * memory. Rejects with `PORT_IN_USE`, `DATA_DIR_UNUSABLE`, `LOG_CORRUPT` or `BAD_CONFIG`.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const config = brokerConfig(options)
  return startOn(openDataDir(config), config)
}

function openDataDir({ dataDir, clock }: BrokerConfig): LogDirectory {
  if (dataDir === undefined) return new MemoryDirectory(clock)
  try {
    const directory = new DiskDirectory(dataDir)
    directory.open('.writable').close()
    directory.remove('.writable')
    return directory
  } catch (error) {
    const message = `the broker can't write to its data folder ${dataDir}: ${messageOf(error)}`
    throw new RivuletError('DATA_DIR_UNUSABLE', message, { cause: error })
  }
}

/** The same on a folder of any kind. */
export async function startOn(directory: LogDirectory, config: BrokerConfig): Promise<EmbeddedBroker> {
  const { clock, logger, limits } = config
  const compaction = { clock, keysMax: limits.compactionKeysMax, sliceBytes: compactionSliceBytes }
  const state = new StateTable(directory.directory('state'), { clock, logger, compaction })
  const topics = new Topics({
    ...{ clock, logger, state, partitionsMax: limits.partitionsMax },
    directory: directory.directory('topics'),
  })
  const sync = async (logs: readonly PartitionLog[]) => {
    await Promise.all(logs.map((log) => log.sync()))
    await state.log.sync()
  }
  const durable = (logs: readonly PartitionLog[]) => (limits.fsync === 'always' ? sync(logs) : undefined)
  const offsets = new CommittedOffsets(state)
  const transactions = new Transactions({
    ...{ clock, logger, state, topics, offsets, producerIds: new ProducerIds(state) },
    transactionTimeoutMsMax: limits.transactionTimeoutMsMax,
    decided: () => durable([]),
  })
  const groups = new Groups({
    ...{ clock, offsets, membersMax: limits.groupMembersMax },
    initialRebalanceDelayMs: limits.groupInitialRebalanceDelayMs,
    sessionTimeoutMsMin: limits.groupSessionTimeoutMsMin,
    sessionTimeoutMsMax: limits.groupSessionTimeoutMsMax,
    newMemberId: (clientId) => `${clientId}-${randomUUID()}`,
  })
  await transactions.recover()

  const address = { host: config.host, port: config.port }
  const services: Services = {
    ...{
      nodeId,
      clusterId: clusterIdOf(state),
      address,
      clock,
      topics,
      groups,
      offsets,
      transactions,
      durable,
    },
    faults: new Faults(logger),
    fetchBytesMax: limits.fetchBytesMax,
  }
  const connections = new Set<Promise<void>>()
  const serve = (duplex: Duplex, clientHost: string) => {
    const { requestBytesMax } = limits
    const served = serveConnection(duplex, { services, logger, clientHost, requestBytesMax })
    connections.add(served)
    return served.finally(() => connections.delete(served))
  }
  let listening: Listening
  try {
    listening = await listen({
      ...{ host: config.host, port: config.port, connectionsMax: limits.connectionsMax, logger },
      onConnection: (socket) => void serve(socket, socket.remoteAddress ?? 'unknown'),
    })
  } catch (error) {
    transactions.close()
    topics.close()
    state.log.close()
    throw error
  }
  address.port = listening.port

  const maintenance = new Maintenance(clock, logger)
  const all = () => [...topics.logs()]
  if (limits.fsync === 'interval') {
    maintenance.start({ name: 'fsync', intervalMs: limits.fsyncIntervalMs, run: () => sync(all()) })
  }
  maintenance.start({
    name: 'retention and compaction',
    intervalMs: limits.maintenanceIntervalMs,
    run: async () => {
      await transactions.resume()
      groups.forgetDeserted()
      for (const log of all()) {
        enforceRetention(log, clock.now())
        log.producers.forgetIdleSince(clock.now() - limits.producerIdExpirationMs)
      }
      await compactAll(topics, state, compaction)
    },
  })
  logger.info({ brokers: `${address.host}:${address.port}`, data: directory.path }, 'Embedded broker started')

  const close = async () => {
    await listening.close()
    groups.close()
    transactions.close()
    await Promise.all([...connections, maintenance.stop()])
    await sync(all())
    topics.close()
    state.log.close()
  }
  let closing: Promise<void> | undefined
  return {
    host: address.host,
    port: address.port,
    brokers: [`${address.host}:${address.port}`],
    serve: (duplex) => serve(duplex, 'in memory'),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function clusterIdOf(state: StateTable): string {
  const known = z.string().safeParse(state.get(clusterIdKey))
  if (known.success) return known.data
  const made = randomUUID()
  state.change([{ key: clusterIdKey, value: made }])
  return made
}

const compactions = new WeakMap<PartitionLog, Compaction>()

async function compactAll(topics: Topics, state: StateTable, options: CompactionOptions): Promise<void> {
  await state.compaction.run()
  for (const log of [...topics.logs()].filter((each) => each.config.compacts)) {
    const compaction = compactions.get(log) ?? new Compaction(log, options)
    compactions.set(log, compaction)
    await compaction.run()
  }
}
