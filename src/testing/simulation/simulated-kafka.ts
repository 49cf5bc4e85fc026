import { connectKafka } from '../../kafka/kafka.ts'
import type { Kafka } from '../../kafka/types.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** Short, so that each of them passes within half a minute of faults; the shorter ones are so by default, too. */
const connectTimeoutMs = 1_000
const heartbeatIntervalMs = 500
const requestTimeoutMs = 4_000
export const sessionTimeoutMs = 2_500
/** Of an instance's environment. */
export const simulatedTimeouts = {
  sessionTimeoutMs,
  transactionTimeoutMs: 8_000,
  rebalanceTimeoutMs: 10_000,
}

/** A machine's connection to Kafka over the simulated network. */
export function simulatedKafka(
  world: World,
  machine: Machine,
  brokers: readonly string[],
  logger: Logger = silentLogger,
): Kafka {
  const kafka = connectKafka({
    brokers,
    clientId: machine.name,
    clock: machine.clock,
    logger,
    connectTimeoutMs,
    requestTimeoutMs,
    // A duplex in the place of a TCP socket: it has what kafkajs asks of one.
    socketFactory: ({ host, port, onConnect }) =>
      world.connect(machine, `${host}:${port}`, onConnect) as ReturnType<typeof world.connect> & never,
  })
  return { ...kafka, consumer: (options) => kafka.consumer({ heartbeatIntervalMs, ...options }) }
}
