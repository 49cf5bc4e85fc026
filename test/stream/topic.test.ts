import { of } from 'rxjs'
import { expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'

const serde = { key: serdes.string, value: serdes.string }

test.each(['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250)])('no topic is called %j', (name) => {
  expect(() => topic(name, serde)).toThrow(expect.objectContaining({ code: 'BAD_TOPOLOGY' }))
})

test.each([0, -1, 1.5, Number.NaN])('no topic has %d partitions', (partitions) => {
  expect(() => topic('t', { ...serde, partitions })).toThrow(
    expect.objectContaining({ code: 'BAD_TOPOLOGY' }),
  )
})

test('a topic has one partition and forgets nothing, unless it is said', () => {
  expect(topic('a.b_c-1', serde)).toMatchObject({ partitions: 1, config: { 'retention.ms': '-1' } })
  const config = { 'retention.ms': '5', 'cleanup.policy': 'delete' }
  expect(topic('t', { ...serde, partitions: 3, config })).toMatchObject({ partitions: 3, config })
})

test('the dead letters of a source have a topic that can be, whatever the source is called', () => {
  const { nodes } = topology('sourced', ({ source }) => {
    source('typed names, by hand', of('a'), { key: () => 'k' }).to(topic('out', serde))
  })
  const [node] = nodes
  expect(node).toMatchObject({ deadLetters: { name: 'typed-names-by-hand-dead-letters' } })
})
