import type { Duplex } from 'node:stream'
import { openDataFolder, unusable } from '../data-folder.ts'
import { serveConnection } from './connection.ts'
import { isStorageError } from './faults.ts'
import { Maintenance } from './maintenance.ts'
import { type BrokerNode, openNode } from './node.ts'
import { type BrokerConfig, type BrokerOptions, brokerConfig } from './options.ts'
import { type Listening, listen } from './server.ts'
import { DiskDirectory } from './storage/disk.ts'
import { MemoryDirectory } from './storage/memory.ts'
import type { LogDirectory } from './storage/storage.ts'

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

/**
 * Starts a small Kafka in this process: one node, the wire protocol that kafkajs 2.2.4 speaks, a log on disk or in
 * memory. Rejects with `PORT_IN_USE`, `DATA_DIR_IN_USE`, `DATA_DIR_UNUSABLE`, `LOG_CORRUPT` or `BAD_CONFIG`.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const config = brokerConfig(options)
  if (config.dataDir === undefined) return startBrokerOn(new MemoryDirectory(config.clock), config)
  const folder = openDataFolder(config.dataDir)
  try {
    return await startBrokerOn(new DiskDirectory(folder.path), config, () => folder.release())
  } catch (error) {
    folder.release()
    throw isStorageError(error) ? unusable(folder.path, error) : error
  }
}

/** The same on a folder of any kind; `release` is called when the folder is not needed any more. */
export async function startBrokerOn(
  directory: LogDirectory,
  config: BrokerConfig,
  release = () => {},
): Promise<EmbeddedBroker> {
  const { clock, logger, limits, host } = config
  const node = await openNode(directory, config)
  const connections = new Map<Duplex, Promise<void>>()
  const serve = (duplex: Duplex, clientHost: string) => {
    const { requestBytesMax } = limits
    const served = serveConnection(duplex, { services: node.services, logger, clientHost, requestBytesMax })
    connections.set(duplex, served)
    return served.finally(() => connections.delete(duplex))
  }
  const listening = await listenFor(node, config, serve)
  const maintenance = new Maintenance(clock, logger)
  if (limits.fsync === 'interval') {
    maintenance.start({ name: 'fsync', intervalMs: limits.fsyncIntervalMs, run: node.sync })
  }
  maintenance.start({ name: 'tidying', intervalMs: limits.maintenanceIntervalMs, run: node.tidy })
  const brokers = [`${host}:${listening.port}`]
  logger.info({ brokers, data: directory.path }, 'Embedded broker started')

  const close = async () => {
    try {
      for (const duplex of connections.keys()) duplex.destroy()
      await Promise.all([listening.close(), maintenance.stop(), ...connections.values()])
      await node.sync()
    } finally {
      node.close()
      release()
    }
  }
  let closing: Promise<void> | undefined
  return {
    ...{ host, port: listening.port, brokers },
    serve: (duplex) => serve(duplex, 'in memory'),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

async function listenFor(
  node: BrokerNode,
  { host, port, limits, logger }: BrokerConfig,
  serve: (duplex: Duplex, clientHost: string) => Promise<void>,
): Promise<Listening> {
  try {
    const listening = await listen({
      ...{ host, port, connectionsMax: limits.connectionsMax, logger },
      onConnection: (socket) => void serve(socket, socket.remoteAddress ?? 'unknown'),
    })
    node.services.address.port = listening.port
    return listening
  } catch (error) {
    node.close()
    throw error
  }
}
