import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { systemClock } from '../../src/clock.ts'
import { connectKafka, type Kafka, type KafkaOptions } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { startRealKafka } from '../support/real-kafka.ts'

export interface TestBroker {
  readonly brokers: readonly string[]
  /** On the same port and data; nobody is warned. */
  restart(): Promise<void>
  /** Closed after the test. */
  connect(options?: Partial<KafkaOptions>): Kafka
  /** A name that no other test of this run has. */
  name(prefix: string): string
  /** A new topic. Its records stay, old as their timestamps are. */
  topic(kafka: Kafka, partitions?: number, config?: Readonly<Record<string, string>>): Promise<string>
}

interface Started {
  readonly brokers: readonly string[]
  stop(): Promise<void>
  restart(): Promise<void>
}

const targets: Record<string, () => Promise<Started | { readonly unavailable: string }>> = {
  'the embedded broker': startEmbedded,
  'Apache Kafka': startRealKafka,
}

async function startEmbedded(): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rivulet-broker-'))
  let broker = await startBroker({ dataDir })
  const { port, brokers } = broker
  return {
    brokers,
    async stop() {
      await broker.close()
      await rm(dataDir, { recursive: true })
    },
    async restart() {
      await broker.close()
      broker = await startBroker({ dataDir, port })
    },
  }
}

/** The same tests on each kind of broker; where one can't be had, its tests are skipped and say why. */
export function onEachBroker(name: string, tests: (broker: TestBroker) => void): void {
  describe.each(Object.entries(targets))(`${name}, on %s`, (_, start) => {
    let started: Started | { readonly unavailable: string } = { unavailable: 'not started' }
    let names = 0
    const open = new Set<Kafka>()

    beforeAll(async () => {
      started = await start()
    })
    beforeEach((context) => {
      if ('unavailable' in started) context.skip(started.unavailable)
    })
    afterEach(async () => {
      for (const kafka of open) await kafka.close()
      open.clear()
    })
    afterAll(async () => {
      if ('stop' in started) await started.stop()
    })

    const brokersOf = () => ('brokers' in started ? started.brokers : [])
    tests({
      get brokers() {
        return brokersOf()
      },
      restart: async () => {
        if ('restart' in started) await started.restart()
      },
      connect: (options) => {
        const kafka = connectKafka({
          brokers: brokersOf(),
          clientId: 'test',
          clock: systemClock,
          logger: silentLogger,
          ...options,
        })
        open.add(kafka)
        return kafka
      },
      name: (prefix) => `${prefix}-${++names}`,
      topic: async (kafka, partitions = 1, config = {}) => {
        const name = `topic-${++names}`
        await kafka.admin.ensureTopics([{ name, partitions, config: { 'retention.ms': '-1', ...config } }])
        return name
      },
    })
  })
}
