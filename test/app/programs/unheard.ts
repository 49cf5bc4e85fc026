import { connectKafka, run, serdes, topic, topology } from 'rivulet'

/** A topology that is run without a logger, on a broker that is not there. */
const lines = topic('lines', { key: serdes.string, value: serdes.string })
const app = topology('unheard', ({ stream }) => {
  stream(lines).foreach(() => {})
})
const running = run(app, { kafka: connectKafka({ brokers: ['127.0.0.1:1'], clientId: 'unheard' }) })
process.stdout.write(`started ${JSON.stringify(running.ready())}\n`)
await running.done
