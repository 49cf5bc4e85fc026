import { afterEach, beforeEach, expect, test } from 'vitest'
import { recordsApi } from '../../src/app/records-api.ts'
import { TopicRecords } from '../../src/app/topic-records.ts'
import { createWeb } from '../../src/app/web.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.long, partitions: 2 })
const app = topology('app', ({ stream }) => {
  stream(numbers).groupByKey().count('counted')
})

interface Answer {
  readonly records: {
    readonly partition: number
    readonly offset: number
    readonly time: string
    readonly key: { readonly text: string } | null
    readonly value: { readonly text: string; readonly as: string; readonly cut: boolean } | null
    readonly headers: readonly { readonly name: string }[]
  }[]
  readonly cursor: string
  readonly behind: number
  readonly deleted: number
}

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
  await rig.kafka.admin.ensureTopics([{ name: 'secrets', partitions: 1 }])
})
afterEach(() => rig.close())

function webOf(isAllowed = true) {
  const web = createWeb({
    pipeline: () => ({}),
    ready: () => ({ ready: true }),
    metrics: async () => '',
    clock: systemClock,
    logger: silentLogger,
  })
  const options = { kafka: rig.kafka, topology: app, topicPrefix: '', clock: systemClock }
  recordsApi(web, isAllowed ? new TopicRecords(options) : undefined)
  const get = async (query: string) => {
    const response = await web.request(`/api/pipeline/${query}`)
    return {
      status: response.status,
      body: (await response.json()) as Answer & { error?: { code: string; message: string } },
    }
  }
  const read = async (query: string) => (await get(`records?topic=numbers&${query}`)).body
  return { get, read }
}

/** Of one key each: `a` is in the first partition, `d` in the second. */
const produce = (key: string, count: number) =>
  rig.produce(
    numbers,
    Array.from({ length: count }, (_, i) => ({ key, value: i, timestampMs: i * 1_000 })),
  )

const valuesOf = ({ records }: Answer) => records.map(({ key, value }) => `${key?.text}${value?.text}`)

test('the topics of the topology that are there are named, and no others', async () => {
  await produce('a', 1)
  const { body } = await webOf().get('topics')
  expect(body).toEqual([{ name: 'numbers', purpose: 'input', partitions: 2 }])
  expect((await webOf().get('records?topic=secrets')).status).toBe(404)
})

test('the newest records of all partitions come, as their serdes read them, and then those that follow', async () => {
  await produce('a', 10)
  await produce('d', 10)
  const { read } = webOf()
  const newest = await read('limit=4')
  expect(valuesOf(newest)).toEqual(['a8', 'd8', 'a9', 'd9'])
  expect(newest).toMatchObject({ behind: 0, deleted: 0 })
  expect(newest.records[0]).toMatchObject({
    time: '1970-01-01T00:00:08.000Z',
    value: { as: 'value', cut: false },
  })
  await produce('a', 3)
  const after = await read(`limit=4&after=${newest.cursor}`)
  expect([valuesOf(after), after.behind]).toEqual([['a0', 'a1'], 1])
  const last = await read(`limit=4&after=${after.cursor}`)
  expect([valuesOf(last), last.behind]).toEqual([['a2'], 0])
  expect(valuesOf(await read(`after=${last.cursor}`))).toEqual([])
})

test('reading begins at a time, or at an offset of a partition', async () => {
  await produce('a', 10)
  await produce('d', 10)
  const { read, get } = webOf()
  expect(valuesOf(await read('time=8000'))).toEqual(['a8', 'd8', 'a9', 'd9'])
  const partition = (await read('limit=2')).records.find(({ key }) => key?.text === 'a')?.partition
  expect(valuesOf(await read(`partition=${partition}&offset=7&limit=2`))).toEqual(['a7', 'a8'])
  expect(await get('records?topic=numbers&offset=7')).toMatchObject({ status: 400 })
  expect(await get('records?topic=numbers&after=x')).toMatchObject({ status: 400 })
  expect(await get('records')).toMatchObject({ status: 400, body: { error: { code: 'BAD_REQUEST' } } })
})

test('what was deleted before it could be read is counted', async () => {
  await produce('a', 10)
  const { read } = webOf()
  const { cursor, records } = await read('time=0&limit=2')
  const [{ partition = 0 } = {}] = records
  await rig.kafka.admin.deleteRecords('numbers', partition, 6)
  const after = await read(`partition=${partition}&after=${cursor}`)
  expect([after.deleted, valuesOf(after)]).toEqual([5, ['a6', 'a7', 'a8', 'a9']])
})

test('records of transactions that are open or were given up are not shown', async () => {
  await produce('a', 2)
  const transactional = await rig.kafka.transactionalProducer({ transactionalId: 't' })
  const value = { keys: [Buffer.from('a')], values: [numbers.value.serialize(7)], timestampsMs: [5_000] }
  const partition = (await webOf().read('limit=2')).records[0]?.partition ?? 0
  await transactional.send('numbers', partition, value)
  await transactional.abort()
  await transactional.send('numbers', partition, value)
  expect(valuesOf(await webOf().read(''))).toEqual(['a0', 'a1'])
  await transactional.commit()
  // What ends a transaction has an offset, too: it is looked further back.
  expect(valuesOf(await webOf().read('limit=4'))).toEqual(['a1', 'a7'])
  await transactional.close()
})

test('a value is cut to the length that was asked for, and bytes that are no text are told as such', async () => {
  await rig.kafka.admin.ensureTopics([{ name: 'numbers-dead-letters', partitions: 1 }])
  const producer = rig.kafka.producer()
  await producer.send('numbers-dead-letters', 0, {
    keys: [null, null],
    values: [Buffer.from('abcdef'), Buffer.from([0, 255])],
    timestampsMs: [1, 2],
    headers: [[['reason', Buffer.from('why')]], []],
  })
  await producer.close()
  const { body } = await webOf().get('records?topic=numbers-dead-letters&characters=4')
  expect(body.records).toMatchObject([
    {
      key: null,
      value: { text: 'abcd', as: 'text', bytes: 6, cut: true },
      headers: [{ name: 'reason', value: { text: 'why' } }],
    },
    { value: { text: '00ff', as: 'hex', bytes: 2, cut: false } },
  ])
})

test('nothing is shown where it must not be, and it is said how it could be', async () => {
  for (const path of ['topics', 'records?topic=numbers']) {
    const { status, body } = await webOf(false).get(path)
    expect([status, body.error?.code]).toEqual([403, 'FORBIDDEN'])
    expect(body.error?.message).toContain('SHOW_RECORDS')
  }
})

test('while Kafka is away it is said within a while, and no more than four wait at a time', async () => {
  await produce('a', 1)
  const { get } = webOf()
  await get('topics')
  await rig.broker.close()
  const asked = await Promise.all(Array.from({ length: 5 }, () => get('records?topic=numbers')))
  expect(asked.map(({ status, body }) => [status, body.error?.code]).toSorted()).toEqual([
    [503, 'BUFFER_FULL'],
    ...Array.from({ length: 4 }, () => [503, 'KAFKA_NO_ANSWER']),
  ])
})
