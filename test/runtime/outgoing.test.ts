import { expect, test } from 'vitest'
import { Outgoing } from '../../src/runtime/outgoing.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const app = topology('passing', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.string })).to(
    topic('out', { key: serdes.string, value: serdes.string }),
  )
})

const keys = Array.from({ length: 20 }, (_, i) => Buffer.from(`k${i}`))

test('records for a topic that they chose wait for its number of partitions; to ask twice loses none', async () => {
  const { layout } = await instanceContext(app)
  const outgoing = new Outgoing(layout)
  for (const key of keys) outgoing.addRecord('chosen', 0, key, null, 1)
  expect(outgoing.isUnresolved).toBe(true)
  const admin = { ensureTopics: async () => new Map([['chosen', 3]]) }
  await Promise.all([outgoing.resolve(admin), outgoing.resolve(admin)])
  expect(outgoing.isUnresolved).toBe(false)
  const batches = outgoing.take()
  expect(batches.map(({ partition }) => partition)).toEqual([0, 1, 2])
  const sent = batches.flatMap(({ records }) => records.keys.map(String))
  expect(new Set(sent)).toEqual(new Set(keys.map(String)))
  expect(outgoing.bytes).toBe(0)
})
