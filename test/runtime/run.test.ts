import { from } from 'rxjs'
import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { systemClock } from '../../src/clock.ts'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { readTopic } from '../support/read-topic.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.long })
const counts = topic('counts', { key: serdes.string, value: serdes.long })

test('runs source → topic → window → topic', async () => {
  const broker = await startBroker({})
  const kafka = connectKafka({
    brokers: broker.brokers,
    clientId: 'test',
    clock: systemClock,
    logger: silentLogger,
  })
  const app = topology('app', ({ source, stream }) => {
    source('emitter', from([1, 2, 3, 12]), { key: () => 'k', timestampMs: (n) => n }).to(numbers)
    stream(numbers)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: 10 }))
      .count('count')
      .toStream()
      .map((value, { key, startMs }) => [`${key}@${startMs}`, value ?? -1])
      .to(counts)
  })
  const running = run(app, { kafka })
  const records = await readTopic(kafka, counts, 4)
  expect(records.map(({ key, value }) => [key, value])).toEqual([
    ['k@0', 1],
    ['k@0', 2],
    ['k@0', 3],
    ['k@10', 1],
  ])
  await running.stop()
  await running.done
  await kafka.close()
  await broker.close()
})
