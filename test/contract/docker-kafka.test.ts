import { createServer } from 'node:net'
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers'
import { messageOf } from '../../src/errors.ts'
import { brokerContract } from './broker-contract.ts'

const image = 'apache/kafka:4.3.1'

brokerContract('Apache Kafka in a container', async () => {
  try {
    await getContainerRuntimeClient()
  } catch {
    return { unavailable: 'no Docker engine answers' }
  }
  // The same port inside and out: what the broker tells its clients holds for them.
  const port = await freePort()
  const container = await startContainer(port)
  if ('unavailable' in container) return container
  return {
    brokers: [`localhost:${port}`],
    stop: async () => {
      await container.stop({ timeout: 15_000 })
    },
  }
})

async function startContainer(
  port: number,
): Promise<StartedTestContainer | { readonly unavailable: string }> {
  const described = new GenericContainer(image)
    .withExposedPorts({ container: port, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS: '500',
    })
    // An image that was built from read-only files has read-only settings, which its start script must write.
    .withUser('root')
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(120_000)
  try {
    return await described.start()
  } catch (error) {
    // An engine without a way to a registry, nor the image or its helper: what could start and did not is a failure.
    if (/registry|pull access denied|no such host/.test(messageOf(error))) {
      return { unavailable: `the image ${image} can't be pulled` }
    }
    throw error
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
