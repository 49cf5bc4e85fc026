import { startBroker } from '../../src/broker/index.ts'

/** Started by `broker-process.ts`: serves until it is killed. */
const broker = await startBroker(JSON.parse(process.argv[2] ?? '{}'))
process.stdout.write(`${broker.port}\n`)
