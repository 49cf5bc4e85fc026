import { type BrokerProcess, startBrokerProcess } from '../../test/support/broker-process.ts'
import { startRealKafka } from '../../test/support/real-kafka.ts'

/** `embedded`: in the program; `process`: the embedded broker in a process of its own; `apache`: Apache Kafka. */
export const kafkaKinds = ['embedded', 'process', 'apache'] as const
export type KafkaKind = (typeof kafkaKinds)[number]

/** A Kafka outside of the program, that can be killed. */
export interface OuterKafka {
  readonly brokers: string
  /** SIGKILL, and up again on the same port and data. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** The shortest session that it allows is Kafka's, unless it is said. Undefined: the program brings its own. */
export async function outerKafka(
  kind: KafkaKind,
  dataDir: string,
  sessionTimeoutMsMin = 6_000,
): Promise<OuterKafka | undefined> {
  if (kind === 'embedded') return undefined
  return kind === 'apache'
    ? apacheKafka(sessionTimeoutMsMin)
    : brokerProcess({ dataDir, groupSessionTimeoutMsMin: sessionTimeoutMsMin })
}

async function apacheKafka(sessionTimeoutMsMin: number): Promise<OuterKafka> {
  const kafka = await startRealKafka({
    properties: { 'group.min.session.timeout.ms': String(sessionTimeoutMsMin) },
  })
  if ('unavailable' in kafka) throw new Error(kafka.unavailable)
  return {
    brokers: kafka.brokers.join(','),
    async crash() {
      await kafka.kill()
      await kafka.restart()
    },
    close: () => kafka.stop(),
  }
}

async function brokerProcess(options: Parameters<typeof startBrokerProcess>[0]): Promise<OuterKafka> {
  let running: BrokerProcess = await startBrokerProcess(options)
  const { port } = running
  return {
    brokers: `127.0.0.1:${port}`,
    async crash() {
      await running.kill()
      running = await startBrokerProcess({ ...options, port })
    },
    close: () => running.kill(),
  }
}
