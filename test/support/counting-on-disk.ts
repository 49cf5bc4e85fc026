import { connectKafka, run, serdes, silentLogger, systemClock, topic, topology } from '../../src/index.ts'

export const input = topic('in', { key: serdes.string, value: serdes.long })
export const output = topic('out', { key: serdes.string, value: serdes.long })

/** Counts on disk, and each count on its way. */
export const app = topology('kept', ({ stream }) => {
  const counts = stream(input).groupByKey().count('counts', { storeType: 'disk' }).toStream()
  counts.mapValues((count) => count ?? 0).to(output)
})

/** Started by a test with where its Kafka and its state are: says each commit, until it is killed. */
const [broker, stateDir] = process.argv.slice(2)
if (broker !== undefined && stateDir !== undefined && process.argv[1]?.endsWith('counting-on-disk.ts')) {
  const kafka = connectKafka({ brokers: [broker], clientId: 'k', clock: systemClock, logger: silentLogger })
  const running = run(app, { kafka, stateDir, groupInstanceId: 'one', logger: silentLogger })
  running.events$.subscribe(({ type }) => process.stdout.write(`${type}\n`))
}
