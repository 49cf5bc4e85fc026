import { describe, expect, test } from 'vitest'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { topic } from '../../src/stream/topic.ts'
import type { Declare } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { within } from '../../src/windows/join-window.ts'
import { topologyOf } from '../support/drive.ts'

const partitions = 3
const value = serdes.string
const customers = topic('customers', { key: serdes.string, value, partitions })
const orders = topic('orders', { key: serdes.long, value, partitions })
const payments = topic('payments', { key: serdes.long, value, partitions })
const output = topic('output', { key: serdes.string, value: serdes.nullable(value), partitions })
const names = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus']
const both = (left: string | null, right: string | null) => `${left}+${right}`
const soon = within({ ms: 1_000 })
const theValue = (name: string) => name

/** What comes out when each name is the key of a customer, and the value of an order and of a payment. */
function joined(declare: (declare: Declare) => void): string[] {
  const app = topologyOf(declare)
  const read = new Set(app.nodes.map(({ name }) => name))
  const driver = new TestDriver(app)
  names.forEach((name, n) => {
    if (read.has('customers')) driver.pipe(customers, { key: name, value: name, timestampMs: 1 })
    if (read.has('payments')) driver.pipe(payments, { key: n, value: name, timestampMs: 1 })
    if (read.has('orders')) driver.pipe(orders, { key: n + 10, value: name, timestampMs: 2 })
  })
  return driver
    .read(output)
    .map(({ value: text }) => String(text))
    .toSorted()
}

const matches = names.map((name) => `${name}+${name}`)

describe('in three partitions a new key meets', () => {
  test('the rows of a table', () => {
    const declare = ({ stream, table }: Declare) =>
      stream(orders).selectKey(theValue).leftJoin(table(customers), both).to(output)
    expect(joined(declare)).toEqual(matches)
  })

  test('the rows of a table that was made of a stream', () => {
    const declare = ({ stream }: Declare) =>
      stream(orders).selectKey(theValue).join(stream(customers).toTable(), both).to(output)
    expect(joined(declare)).toEqual(matches)
  })

  test('the rows of a table with another new key', () => {
    const declare = ({ stream }: Declare) => {
      const paid = stream(payments).selectKey(theValue).toTable('paid')
      stream(orders).selectKey(theValue).leftJoin(paid, both).to(output)
    }
    expect(joined(declare)).toEqual(matches)
  })

  test('another stream, from either side', () => {
    const kinds: readonly ((
      left: Stream<string, string>,
      right: Stream<string, string>,
    ) => Stream<string, string>)[] = [
      (left, right) => left.join(right, both, soon),
      (left, right) => left.leftJoin(right, both, soon),
      (left, right) => left.outerJoin(right, both, soon),
    ]
    for (const join of kinds) {
      const fromLeft = ({ stream }: Declare) =>
        join(stream(orders).selectKey(theValue), stream(customers)).to(output)
      expect(joined(fromLeft)).toEqual(expect.arrayContaining(matches))
      const fromRight = ({ stream }: Declare) =>
        join(stream(customers), stream(orders).selectKey(theValue)).to(output)
      expect(joined(fromRight)).toEqual(expect.arrayContaining(matches))
    }
  })

  test('another new key', () => {
    const declare = ({ stream }: Declare) =>
      stream(orders).selectKey(theValue).join(stream(payments).selectKey(theValue), both, soon).to(output)
    expect(joined(declare)).toEqual(matches)
  })

  test('the rows of a table, as a table of its own', () => {
    const declare = ({ stream, table }: Declare) =>
      stream(orders)
        .selectKey(theValue)
        .toTable('ordered', { key: serdes.string })
        .join(table(customers), both)
        .toStream()
        .to(output)
    expect(joined(declare)).toEqual(matches)
  })

  test('the rows that a foreign key names, and those of a global table', () => {
    const foreign = ({ stream, table }: Declare) =>
      stream(orders)
        .selectKey(theValue)
        .toTable('ordered')
        .leftJoin('of customer', table(customers), { foreignKey: theValue }, both)
        .toStream()
        .to(output)
    expect(joined(foreign)).toEqual(expect.arrayContaining(matches))
    const global = ({ stream, globalTable }: Declare) =>
      stream(orders)
        .selectKey(theValue)
        .join(globalTable(customers), { foreignKey: theValue }, both)
        .to(output)
    expect(joined(global)).toEqual(matches)
  })
})

describe('how a new key is written', () => {
  const keysOf = (declare: (declare: Declare) => void) =>
    topologyOf(declare).nodes.flatMap((node) => (node.type === 'repartition' ? [node.key.name] : []))

  test('is as JSON if nothing says more', () => {
    expect(keysOf(({ stream }) => stream(orders).selectKey(theValue).repartition().to(output))).toEqual([
      'json',
    ])
    const declare = ({ stream }: Declare) =>
      stream(orders).selectKey(theValue).join(stream(payments).selectKey(theValue), both, soon)
    expect(keysOf(declare)).toEqual(['json', 'json'])
  })

  test('is as the options of the join say', () => {
    const key: Serde<string> = { ...serdes.string, name: 'customer' }
    const declare = ({ stream }: Declare) =>
      stream(orders).selectKey(theValue).join(stream(payments).selectKey(theValue), both, soon, { key })
    expect(keysOf(declare)).toEqual(['customer', 'customer'])
  })

  test('is as the other new key is written, if its step has said so', () => {
    const declare = ({ stream }: Declare) => {
      const paid = stream(payments).process<string, string>('by customer', {
        key: serdes.string,
        processor:
          ({ forward }) =>
          (name) =>
            forward(name, name),
      })
      stream(orders).selectKey(theValue).join(paid, both, soon)
    }
    expect(keysOf(declare)).toEqual(['string', 'string'])
  })
})

describe('keys of two serdes that would have to meet are refused:', () => {
  const json = topic('json', { key: serdes.json<string>(), value, partitions })
  const refused: Record<string, (declare: Declare) => void> = {
    'a stream and a table': ({ stream, table }) => stream(json).join('of customer', table(customers), both),
    'two streams': ({ stream }) => stream(json).join('of customer', stream(customers), both, soon),
    'two streams, of which only one is repartitioned as the option says': ({ stream }) =>
      stream(orders)
        .selectKey(theValue)
        .join('of customer', stream(json), both, soon, { key: serdes.string }),
    'two tables': ({ table }) => table(json).join('of customer', table(customers), both),
    'a table with a new key': ({ stream, table }) =>
      stream(orders).selectKey(theValue).toTable().join('of customer', table(customers), both),
    'a stream that was repartitioned before': ({ stream, table }) =>
      stream(orders).selectKey(theValue).repartition().join('of customer', table(customers), both),
    'an aggregation of merged streams': ({ stream }) =>
      stream(json).merge(stream(customers)).groupByKey().count('of customer'),
    'the groups of one aggregate': ({ stream }) =>
      stream(json)
        .groupByKey()
        .cogroup((n: number) => n + 1)
        .cogroup(stream(customers).groupByKey(), (n) => n + 1)
        .aggregate('of customer', () => 0),
  }
  test.each(Object.entries(refused))('%s', (_, declare) => {
    const said =
      /^"of customer" brings together keys of different serdes, so equal keys would lie in different partitions: ".*" has (json|string), ".*" has (json|string)\. .*\{ key \}/
    expect(() => topologyOf(declare)).toThrow(
      expect.objectContaining({ code: 'BAD_TOPOLOGY', message: expect.stringMatching(said) }),
    )
  })

  test('not where one of them may be null', () => {
    const maybe = topic('maybe', { key: serdes.nullable(serdes.string), value, partitions })
    topologyOf(({ stream, table }) => stream(maybe).leftJoin(table(customers), both))
    topologyOf(({ stream }) => stream(maybe).join(stream(customers), both, soon))
  })

  test('nor where a processor keeps what it likes', () => {
    const store = keyValueStore({ name: 'seen', key: serdes.string, value })
    topologyOf(({ stream }) => {
      const processor = () => () => undefined
      stream(orders).process('order', { stores: { store }, processor })
      stream(customers).process('customer', { stores: { store }, processor })
    })
  })
})
