import { NEVER, of } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { type TopicOptions, topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { out, text, topologyOf } from '../support/drive.ts'

type Order = { readonly id: number }

const asJson = { key: serdes.string, value: serdes.json<Order>() }

/** Declares `orders` once as a source and, in a second place, once more. */
function twice(second: Partial<TopicOptions<string, Order>>, use: 'read' | 'write' | 'table' = 'read') {
  const first = topic('orders', asJson)
  const other = topic('orders', { ...asJson, ...second })
  return () =>
    topologyOf(({ stream, table }) => {
      const records =
        use === 'table' ? table(first).toStream().mapValues(String) : stream(first).mapValues(String)
      records.foreach(() => {})
      if (use === 'write') stream(topic('in', asJson)).to('write', other)
      else stream(other).foreach('second', () => {})
    })
}

describe('a topic', () => {
  test('has one declaration: the same serdes may be named in two places', () => {
    expect(twice({})).not.toThrow()
    expect(twice({}, 'write')).not.toThrow()
  })

  test.each(['read', 'write', 'table'] as const)('that has two serdes is refused, also to %s', (use) => {
    expect(twice({ value: serdes.json<Order>() }, use)).toThrow(
      expect.objectContaining({
        code: 'BAD_TOPOLOGY',
        message: expect.stringMatching(
          /the topic "orders" is declared twice, with two value serdes \(json and json\)/,
        ),
        place: use === 'write' ? { topic: 'orders', step: 'write' } : { topic: 'orders' },
      }),
    )
  })

  test('says whether it is the key or the value that differs, and what else can', () => {
    const keyed = { key: { ...serdes.string, name: 'upper case' } }
    expect(twice(keyed)).toThrow('two key serdes (string and upper case)')
    expect(twice({ partitions: 3 })).toThrow('1 and 3 partitions')
    expect(twice({ config: { 'cleanup.policy': 'compact' } })).toThrow('cleanup.policy absent and compact')
    expect(twice({ config: { 'retention.ms': '5' } })).toThrow('retention.ms -1 and 5')
  })

  test('is held to its one declaration on the way through it', () => {
    const through = ({ stream }: Declare) => {
      stream(text('in')).through(topic('mid', { key: serdes.nullable(serdes.string), value: out.value }))
      stream(text('mid'))
    }
    expect(() => topologyOf(through)).toThrow('"mid" is declared twice, with two key serdes')
  })

  test('is read once with the time of one function', () => {
    const timestampMs = () => 1
    const { nodes } = topologyOf(({ stream }) => {
      stream(text('t'), { timestampMs }).to('one', out)
      stream(text('t'), { timestampMs }).to('two', out)
    })
    expect(nodes.filter(({ type }) => type === 'topic-source')).toHaveLength(1)
  })
})

describe('the dead letters of a source', () => {
  test('may lie in one topic with those of another, and be read', () => {
    const letters = topic('letters', { key: serdes.bytes, value: serdes.bytes })
    topology('sourced', ({ source, stream }) => {
      source('a', of('a'), { deadLetters: 'letters' }).to(text('all'))
      source('b', NEVER, { deadLetters: 'letters' })
      stream(letters).foreach(() => {})
    })
  })

  test('do not lie among the records that a step writes', () => {
    const records = topic('records', { key: serdes.nullable(serdes.string), value: serdes.string })
    const declare = () =>
      topologyOf(({ source }) => source('lines', of('a'), { deadLetters: 'records' }).to('keep', records))
    expect(declare).toThrow(
      '"keep" writes records into the topic "records", which takes the dead letters of "lines"',
    )
  })
})
