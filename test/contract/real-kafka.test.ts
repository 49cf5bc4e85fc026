import { startRealKafka } from '../support/real-kafka.ts'
import { brokerContract } from './broker-contract.ts'

brokerContract('Apache Kafka', async () => {
  const kafka = await startRealKafka()
  if ('unavailable' in kafka) return kafka
  return {
    brokers: kafka.brokers,
    stop: () => kafka.stop(),
    async crashAndRestart() {
      await kafka.kill()
      await kafka.restart()
    },
  }
})
