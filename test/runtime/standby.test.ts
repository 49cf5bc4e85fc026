import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { storeApi } from '../../src/app/store-api.ts'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Running, RuntimeEvent } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.long, partitions: 2 })
const counts = topic('counts', { key: serdes.string, value: serdes.nullable(serdes.long), partitions: 2 })

const app = topology('copied', ({ stream }) => {
  stream(input).groupByKey().count('seen').toStream().to(counts)
})

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

function ones(count: number): PlainRecord<string, number>[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k${i % 20}`, value: 1, timestampMs: i }))
}

const partitionsOf = (running: Running) => running.status().partitions.length

type Start = Extract<RuntimeEvent, { type: 'task-started' }>

function startsOf(running: Running): Start[] {
  const starts: Start[] = []
  running.events$.subscribe({
    next: (event) => {
      if (event.type === 'task-started') starts.push(event)
    },
    error: () => {},
  })
  return starts
}

test('any instance says which one has a key and which ones have copies of it, and sends there over HTTP', async () => {
  const first = rig.run(app, { standbys: 1, applicationServer: 'first:1' })
  await first.started
  const second = rig.run(app, { standbys: 1, applicationServer: 'second:2' })
  await vi.waitFor(() => expect([partitionsOf(first), partitionsOf(second)]).toEqual([1, 1]), 20_000)
  await rig.produce(input, ones(20))
  await rig.workedOff([first, second], ['in'])
  const [store] = first.queries()
  if (store?.name !== 'seen') throw new Error('there is another store')
  const ofSecond = second.queries()[0]
  for (let i = 0; i < 20; i++) {
    const [here, other] = store.holds(`k${i}`) ? ['first:1', 'second:2'] : ['second:2', 'first:1']
    expect(ofSecond?.holds(`k${i}`)).toBe(here === 'second:2')
    for (const running of [first, second])
      expect(running.metadataForKey(store, `k${i}`)).toMatchObject({
        activeHost: here,
        standbyHosts: [other],
      })
  }
  const elsewhere = Array.from({ length: 20 }, (_, i) => `k${i}`).find((key) => !store.holds(key))
  const sent = await storeApi(first, { hosts: first }).request(`http://first:1/stores/seen/${elsewhere}`)
  expect(sent.status).toBe(307)
  const answer = await storeApi(second, { hosts: second }).request(sent.headers.get('location') ?? '')
  expect(await answer.json()).toMatchObject({ key: elsewhere, value: 1 })
  const hosts = second.metadataForStore('seen')
  expect(hosts.map(({ host }) => host).toSorted()).toEqual(['first:1', 'second:2'])
  expect(second.metadataForAllHosts()).toEqual(hosts)
  expect(second.metadataForStore('nothing')).toEqual([])
}, 60_000)

test('who has copies of another instance takes over from there, and counts on', async () => {
  const first = rig.run(app, { standbys: 1 })
  await first.started
  await rig.produce(input, ones(400))
  await rig.workedOff([first], ['in'])
  const second = rig.run(app, { standbys: 1 })
  const starts = startsOf(second)
  // It gets its share once its copies have caught up.
  await vi.waitFor(() => expect([partitionsOf(first), starts.length]).toEqual([1, 1]), 20_000)
  await vi.waitFor(
    () => expect(second.status().standbys).toEqual([expect.objectContaining({ lag: 0 })]),
    20_000,
  )
  await first.stop()
  await vi.waitFor(() => expect(starts).toHaveLength(2), 20_000)
  // All of it was there.
  expect(starts[1]).toMatchObject({ fromCheckpoint: 0, fromTopic: 0 })
  await rig.produce(input, ones(20))
  await rig.workedOff([second], ['in'])
  const last = new Map((await rig.read(counts)).map(({ key, value }) => [key, value]))
  expect([...last.values()]).toEqual(Array.from({ length: 20 }, () => 21))
}, 60_000)
