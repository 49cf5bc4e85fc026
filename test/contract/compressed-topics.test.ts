import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { compressions } from '../../src/compression/compression.ts'
import { createCluster } from '../../src/kafka/cluster.ts'
import { producerBatches } from '../../src/kafka/decode-fetch.ts'
import { fetchRequest } from '../../src/kafka/fetch-request.ts'
import { connectKafka, type Kafka } from '../../src/kafka/kafka.ts'
import { Trouble } from '../../src/kafka/trouble.ts'
import { silentLogger } from '../../src/logger.ts'
import { records, valuesOf } from '../kafka/records.ts'
import { cached } from '../support/cached.ts'
import { type RealKafka, startRealKafka } from '../support/real-kafka.ts'
import { run } from '../support/run-command.ts'

let server: RealKafka | { readonly unavailable: string } = { unavailable: 'not started' }
let brokers: string[] = []
let kafka: Kafka

beforeAll(async () => {
  server = await startRealKafka()
  if ('unavailable' in server) return
  brokers = server.brokers
  kafka = connectKafka({ brokers, clientId: 'test', logger: silentLogger })
}, 240_000)
beforeEach((context) => {
  if ('unavailable' in server) context.skip(server.unavailable)
})
afterAll(async () => {
  await kafka?.close()
  if ('stop' in server) await server.stop()
})

/** Where batches of a partition begin, as the broker stores them. */
async function storedBatches(topic: string) {
  const settings = { clock: systemClock, logger: silentLogger }
  const cluster = createCluster({ ...settings, brokers, clientId: 'raw', trouble: new Trouble(settings) })
  const of = { topic, partition: 0 }
  const limits = { waitMsMax: 0, bytesMax: 1e6, partitionBytesMax: 1e6 }
  const request = fetchRequest([{ ...of, leaderEpoch: -1, offset: 0 }], limits)
  const fetched = await cluster.withLeader(of, 'raw', "Can't look", (link) => link.send(request))
  cluster.close()
  return [...producerBatches(fetched.partitions[0]?.batches ?? Buffer.alloc(0))]
}

test.concurrent.each(compressions)(
  'reads on over batches of %s that Apache Kafka’s compaction has emptied',
  { timeout: 90_000 },
  async (compression) => {
    const topic = `emptied-${compression}`
    const config = {
      ...{ 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' },
      'retention.ms': '-1',
    }
    await kafka.admin.ensureTopics([{ name: topic, partitions: 1, config }])
    // The last batch of a producer stays, also without records: it carries the producer's number.
    const send = async (...values: string[]) => {
      const producer = kafka.producer({ compression })
      // Kafka begins another segment by the records' time.
      const timestampsMs = values.map(() => systemClock.now())
      await producer.send(topic, 0, { ...records(...values), timestampsMs })
      await producer.close()
    }
    await send('old 1', 'old 2', 'old 3')
    await send('new')
    const emptied = async () => {
      await send('newest')
      const [range] = await kafka.admin.offsets(topic)
      const reading = kafka.read(topic, 0, { toOffset: range?.endOffset ?? 0 }).pipe(toArray())
      const values = valuesOf(await firstValueFrom(reading))
      expect(values).not.toContain('old 3')
      expect(values.at(-1)).toBe('newest')
    }
    await vi.waitFor(emptied, { timeout: 40_000, interval: 500 })
    const [first] = await storedBatches(topic)
    expect(first).toMatchObject({ baseOffset: 0, lastOffset: 2 })
  },
)

test('reads what @platformatic/kafka has written', { timeout: 180_000 }, async (context) => {
  const wanted = '@platformatic/kafka@1.35.0'
  const name = 'rivulet-clients/platformatic-1.35.0'
  const made = await cached({ name, needs: ['npm'] }, (dir) =>
    run('npm', ['install', '--no-audit', '--no-fund', '--prefix', dir, wanted], { timeout: 120_000 }),
  )
  if ('unavailable' in made) context.skip(made.unavailable)
  const { dir } = made as { dir: string }
  const config = { 'retention.ms': '-1' }
  const topics = compressions.map((each) => ({ name: `written-${each}`, partitions: 1, config }))
  await kafka.admin.ensureTopics(topics)
  const file = join(import.meta.dirname, 'clients', 'platformatic.mjs')
  const args = [file, join(dir, 'node_modules'), brokers.join(',')]
  const { stdout } = await run(process.execPath, args, { timeout: 60_000 })
  const written = stdout.trim().split('\n')
  expect(written.slice(0, 3)).toEqual(['gzip', 'snappy', 'lz4'])
  for (const compression of written) {
    const reading = kafka.read(`written-${compression}`, 0, { toOffset: 103 }).pipe(toArray())
    const [fetched] = await firstValueFrom(reading)
    const { keys, values, timestampsMs, headers } = fetched?.chunk ?? {}
    expect([...(keys ?? [])].slice(0, 3).map(String)).toEqual(['k', 'null', 't'])
    expect([...(values ?? [])].slice(0, 4).map(String)).toEqual([
      ...['v', 'no key', 'null', `value 0 ${'abc'.repeat(20)}`],
    ])
    expect(timestampsMs?.[0]).toBe(1_700_000_000_123)
    expect(headers?.[0]?.map(([header, value]) => [header, String(value)])).toEqual([
      ['h', 'x'],
      ['e', ''],
    ])
  }
})
