import { isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { openDataFolder, unusable } from '../data-folder.ts'
import { DiskDirectory } from '../storage/disk.ts'
import { MemoryDirectory } from '../storage/memory.ts'
import type { LogDirectory } from '../storage/storage.ts'
import { serveConnection } from './connection.ts'
import { isStorageError } from './faults.ts'
import { Maintenance } from './maintenance.ts'
import { type BrokerNode, openNode } from './node.ts'
import { type BrokerConfig, type BrokerOptions, brokerConfig } from './options.ts'
import type { Placement } from './placement.ts'
import { type Listening, listen } from './server.ts'

/** A broker that runs in this process. */
export interface EmbeddedBroker {
  /** Where it listens. */
  readonly host: string
  /** The port that it has. */
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
 *
 * @example
 * ```ts
 * const broker = await startBroker({ dataDir: './data/broker' })
 * const kafka = connectKafka({ brokers: broker.brokers, clientId: 'shop' })
 * await kafka.close()
 * await broker.close()
 * ```
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
  const { logger, host } = config
  const node = await openNode(directory, config)
  const served = serveNode(node, config, release)
  let listening: Listening
  try {
    listening = await listenFor(node, config, served)
  } catch (error) {
    await served.close()
    throw error
  }
  const brokers = [`${reachable(host)}:${listening.port}`]
  logger.info({ brokers, data: directory.path }, 'Embedded broker started')
  let closing: Promise<unknown> | undefined
  return {
    ...{ host, port: listening.port, brokers },
    serve: (duplex) => served.serve(duplex, 'in memory'),
    close: async () => {
      closing ??= Promise.all([listening.close(), served.close()])
      await closing
    },
  }
}

/** A broker that does not listen: clients come over duplexes, wherever these lead. */
export interface ServedNode {
  /** As one of several nodes, if it is told where it is placed. */
  serve(duplex: Duplex, clientHost: string, placement?: Placement): Promise<void>
  /** Ends all connections, forces everything to the medium, and frees the folder. */
  close(): Promise<void>
}

/** Serves clients, and keeps the node tidy and on the medium meanwhile. */
export function serveNode(node: BrokerNode, config: BrokerConfig, release = () => {}): ServedNode {
  const { clock, logger, limits } = config
  const connections = new Map<Duplex, Promise<void>>()
  const maintenance = new Maintenance(clock, logger)
  if (limits.fsync === 'interval') {
    maintenance.start({ name: 'fsync', intervalMs: limits.fsyncIntervalMs, run: node.sync })
  }
  maintenance.start({ name: 'tidying', intervalMs: limits.maintenanceIntervalMs, run: node.tidy })
  return {
    serve(duplex, clientHost, placement = node.placement) {
      const { requestBytesMax } = limits
      const services = { ...node.services, placement }
      const served = serveConnection(duplex, { services, logger, clientHost, requestBytesMax })
      connections.set(duplex, served)
      return served.finally(() => connections.delete(duplex))
    },
    async close() {
      try {
        for (const duplex of connections.keys()) duplex.destroy()
        await Promise.all([maintenance.stop(), ...connections.values()])
        await node.sync()
      } finally {
        node.close()
        release()
      }
    },
  }
}

async function listenFor(
  node: BrokerNode,
  { host, port, limits, logger }: BrokerConfig,
  served: ServedNode,
): Promise<Listening> {
  const listening = await listen({
    ...{ host, port, connectionsMax: limits.connectionsMax, logger },
    onConnection: (socket) =>
      void served.serve(socket, socket.remoteAddress ?? 'unknown', node.placement.seenAt(addressOf(socket))),
  })
  node.placement.port = listening.port
  return listening
}

/** Of this machine, as the client reaches it. */
function addressOf({ localAddress = '127.0.0.1' }: Socket): string {
  return localAddress.replace(/^::ffff:/, '')
}

/** From here, and as an address that a port may follow. */
function reachable(host: string): string {
  if (!isIPv6(host)) return host === '0.0.0.0' ? '127.0.0.1' : host
  return host === '::' ? '[::1]' : `[${host}]`
}
