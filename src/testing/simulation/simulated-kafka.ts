import { connectKafka } from '../../kafka/kafka.ts'
import type { Kafka } from '../../kafka/types.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

interface SimulatedKafkaOptions {
  readonly logger?: Logger
  /** Default: as programs have it. */
  readonly requestTimeoutMs?: number | undefined
}

/** A machine's connection to Kafka over the simulated network, with the timeouts that programs have. */
export function simulatedKafka(
  world: World,
  machine: Machine,
  brokers: readonly string[],
  { logger = silentLogger, requestTimeoutMs }: SimulatedKafkaOptions = {},
): Kafka {
  return connectKafka({
    brokers,
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    clientId: machine.name,
    clock: machine.clock,
    logger,
    // A duplex in the place of a TCP socket: it has what kafkajs asks of one.
    socketFactory: ({ host, port, onConnect }) =>
      world.connect(machine, `${host}:${port}`, onConnect) as ReturnType<typeof world.connect> & never,
  })
}
