import { afterEach, expect, test, vi } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { queryable } from '../../src/stream/queryable.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const clicks = topic('clicks', { key: serdes.string, value: serdes.long, partitions: 3 })

const app = topology('app', ({ stream }) => ({
  counts: queryable(stream(clicks).groupByKey().count('counts')),
}))

const users = Array.from({ length: 30 }, (_, i) => `user ${i}`)
const records = users.map((key, i) => ({ key, value: i, timestampMs: i }))

let rig: KafkaRig
afterEach(() => rig.close())

test('a store is asked across the partitions of this instance', async () => {
  rig = await KafkaRig.start()
  await rig.produce(clicks, records)
  const running = rig.run(app)
  const counts = running.query(app.stores.counts)
  expect(() => counts.get('user 1')).toThrow(expect.objectContaining({ code: 'NOT_READY', retryable: true }))
  expect(() => [...counts.all()]).toThrow(expect.objectContaining({ code: 'NOT_READY' }))
  await rig.workedOff([running], ['clicks'])
  expect(users.map((user) => counts.get(user))).toEqual(users.map(() => 1))
  expect(new Set([...counts.all()].map(({ key }) => key))).toEqual(new Set(users))
  expect(counts.holds('whoever')).toBe(true)
  await running.stop()
  expect(() => counts.get('user 1')).toThrow(expect.objectContaining({ code: 'NOT_READY' }))
})

test('of two instances, each answers for the keys of its partitions, and says which those are', async () => {
  rig = await KafkaRig.start()
  await rig.produce(clicks, records)
  const both = [rig.run(app), rig.run(app)]
  await rig.workedOff(both, ['clicks'])
  await vi.waitFor(
    () => {
      const queries = both.map((running) => running.query(app.stores.counts))
      for (const user of users) {
        const answers = queries.map((counts) => [counts.holds(user), counts.get(user)])
        expect(answers).toContainEqual([true, 1])
        expect(answers).toContainEqual([false, undefined])
      }
    },
    { timeout: 20_000, interval: 50 },
  )
})
