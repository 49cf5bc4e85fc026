import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../src/broker/index.ts'
import { startBrokerProcess } from '../support/broker-process.ts'
import { brokerContract } from './broker-contract.ts'

brokerContract('embedded, in memory', async () => {
  const broker = await startBroker()
  return { brokers: broker.brokers, stop: () => broker.close() }
})

brokerContract('embedded, on disk, in a process that is killed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'rivulet-broker-'))
  let broker = await startBrokerProcess({ dataDir })
  const { port } = broker
  return {
    brokers: [`127.0.0.1:${port}`],
    async crashAndRestart() {
      await broker.kill()
      broker = await startBrokerProcess({ dataDir, port })
    },
    async stop() {
      await broker.kill()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
})
