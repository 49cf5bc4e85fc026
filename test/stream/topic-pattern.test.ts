import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { describe as describeTopology } from '../../src/stream/describe.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'

const text = { key: serdes.string, value: serdes.string }
const output = topic('out', text)
const copy = topology('copy', ({ stream }) => {
  stream(/^orders-/g, { ...text, timestampMs: (_value, _key, recordMs) => recordMs + 1 }).to(output)
})

describe('a pattern of topics', () => {
  test('takes in the test driver what is piped into any topic that it finds, by name or by topic', () => {
    const driver = new TestDriver(copy)
    driver.pipe('orders-eu', { key: 'a', value: 'x', timestampMs: 1 })
    driver.pipe(topic('orders-us', text), { key: 'a', value: 'y', timestampMs: 2 })
    driver.pipe('orders-eu', { key: 'a', value: 'z', timestampMs: 3 })
    const written = driver.read(output).map(({ value, timestampMs }) => [value, timestampMs])
    expect(written).toEqual([
      ['x', 2],
      ['y', 3],
      ['z', 4],
    ])
    expect(() => driver.pipe('payments', { key: 'a', value: 'x', timestampMs: 1 })).toThrow(
      'nothing in this topology reads the topic "payments"',
    )
  })

  test('has as many partitions as the driver gives to topics, each with a task', () => {
    const driver = new TestDriver(copy, { partitions: 3 })
    for (const partition of [0, 1, 2])
      driver.pipe('orders-eu', { key: 'a', value: `${partition}`, timestampMs: 1, partition })
    expect(driver.read(output).map(({ value }) => value)).toEqual(['0', '1', '2'])
  })

  test('stands in the description as the topic that is read', () => {
    const [node] = describeTopology(copy).subTopologies[0]?.nodes ?? []
    expect(node).toMatchObject({ name: '/^orders-/g', kind: 'stream', topic: '/^orders-/g', inputs: [] })
  })

  test('puts what it can not decode among the dead letters of the topic where it was found', () => {
    const numbers = topology('numbers', ({ stream }) => {
      stream(/^orders-/, { key: serdes.string, value: serdes.long }).foreach(() => {})
    })
    const driver = new TestDriver(numbers)
    driver.pipe(topic('orders-eu', text), { key: 'a', value: 'no number', timestampMs: 1 })
    expect(driver.read('orders-eu-dead-letters')).toHaveLength(1)
  })

  test('is one step, however often it is read', () => {
    const twice = topology('twice', ({ stream }) => {
      stream(/^orders-/, text).to('first', output)
      stream(/^orders-/, text).to('second', output)
    })
    expect(twice.nodes.map(({ name }) => name)).toEqual(['/^orders-/', 'first', 'second'])
  })

  test('is refused where it finds a topic that is read by its name, or has no serdes', () => {
    const both = () =>
      topology('both', ({ stream }) => {
        stream(topic('orders-eu', text))
          .merge(stream(/^orders-/, text))
          .to(output)
      })
    expect(both).toThrow('the topic "orders-eu" is read by its name, and the pattern /^orders-/ finds it too')
    const bare = () =>
      topology('bare', ({ stream }) => {
        // @ts-expect-error a pattern says how its topics are read
        stream(/^orders-/).to(output)
      })
    expect(bare).toThrow('the topic "/^orders-/" needs its key serde')
  })
})
