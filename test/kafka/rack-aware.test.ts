import { createConnection } from 'node:net'
import { firstValueFrom, scan } from 'rxjs'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { connectKafka, type Kafka, type OutgoingRecords } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { type RealKafka, startRealKafka } from '../support/real-kafka.ts'

const racks = ['east', 'west', 'north'] as const
const timeoutMs = 60_000
const recordCount = 1_000
const valueBytes = 1_000
const topic = 'orders'

let cluster: RealKafka | undefined
let unavailable = 'not started'
const open: Kafka[] = []

beforeAll(async () => {
  const started = await startRealKafka({
    racks: racks.slice(1),
    properties: {
      'broker.rack': racks[0],
      'default.replication.factor': '3',
      'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
    },
  })
  if ('unavailable' in started) {
    unavailable = started.unavailable
    return
  }
  cluster = started
  const { kafka } = connect()
  await kafka.admin.ensureTopics([{ name: topic, partitions: 1, config: { 'retention.ms': '-1' } }])
  await send(kafka, recordCount)
}, 120_000)
beforeEach((context) => {
  if (!cluster) context.skip(unavailable)
})
afterAll(async () => {
  await Promise.all(open.map((kafka) => kafka.close()))
  await cluster?.stop()
})

/** In a rack or nowhere, with how much each of the brokers has sent it. */
function connect(clientRack?: string) {
  const received = new Map<string, number>()
  const kafka = connectKafka({
    ...{ brokers: cluster?.brokers ?? [], clientId: 'test', clientRack, logger: silentLogger },
    socketFactory: ({ host, port, onConnect }) => {
      const socket = createConnection({ host, port }, onConnect)
      const broker = `${host}:${port}`
      socket.on('data', ({ length }) => received.set(broker, (received.get(broker) ?? 0) + length))
      return socket
    },
  })
  open.push(kafka)
  /** The brokers that have sent more than what is asked for on the way. */
  const readFrom = () => [...received].filter(([, bytes]) => bytes > 100_000).map(([broker]) => broker)
  return { kafka, readFrom }
}

async function send(kafka: Kafka, count: number): Promise<void> {
  const values = Array.from({ length: count }, () => Buffer.alloc(valueBytes))
  const records: OutgoingRecords = {
    ...{ values, keys: values.map(() => null), timestampsMs: values.map(() => Date.now()) },
  }
  const producer = kafka.producer()
  await producer.send(topic, 0, records)
  await producer.close()
}

const readAll = (kafka: Kafka) =>
  firstValueFrom(
    kafka
      .read(topic, 0, { fromOffset: 0, toOffset: recordCount })
      .pipe(scan((count, { chunk }) => count + chunk.offsets.length, 0)),
  )

test('a client reads from the broker in its rack, and from the leader where it is in none', {
  timeout: timeoutMs,
}, async () => {
  const brokers = cluster?.brokers ?? []
  for (const [i, rack] of racks.entries()) {
    // A replica is named once the leader has heard that it has everything.
    await vi.waitFor(
      async () => {
        const { kafka, readFrom } = connect(rack)
        await readAll(kafka)
        expect([rack, readFrom()]).toEqual([rack, [brokers[i]]])
      },
      { timeout: timeoutMs, interval: 500 },
    )
  }
  const homeless = connect()
  await readAll(homeless.kafka)
  const elsewhere = connect('south')
  await readAll(elsewhere.kafka)
  expect(homeless.readFrom()).toHaveLength(1)
  expect(elsewhere.readFrom()).toEqual(homeless.readFrom())
})

test('a client goes on at another broker when the one in its rack is gone', {
  timeout: timeoutMs,
}, async () => {
  const brokers = cluster?.brokers ?? []
  const homeless = connect()
  await readAll(homeless.kafka)
  // One that does not lead, and is not the controller.
  const lost = brokers.slice(1).find((broker) => !homeless.readFrom().includes(broker)) as string
  const rack = racks[brokers.indexOf(lost)]
  const { kafka, readFrom } = connect(rack)
  const failures: unknown[] = []
  let count = 0
  const reading = kafka.read(topic, 0, { fromOffset: 0, toOffset: 'follow' }).subscribe({
    next: ({ chunk }) => {
      count += chunk.offsets.length
    },
    error: (error) => failures.push(error),
  })
  await vi.waitFor(() => expect(count).toBe(recordCount), { timeout: timeoutMs })
  expect(readFrom()).toEqual([lost])
  await cluster?.killNode(lost)
  await send(homeless.kafka, recordCount)
  await vi.waitFor(() => expect(count).toBe(2 * recordCount), { timeout: timeoutMs })
  expect(readFrom().sort()).toEqual([lost, ...homeless.readFrom()].sort())
  expect(failures).toEqual([])
  reading.unsubscribe()
})
