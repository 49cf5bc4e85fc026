import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { type SubTopology, subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { MemorySink } from '../support/memory-sink.ts'

const words = topic('words', { key: serdes.string, value: serdes.string })
const out = topic('out', { key: serdes.string, value: serdes.string })

function subTopologies(declare: (declare: Declare) => void): readonly SubTopology[] {
  return subTopologiesOf(topology('app', declare))
}

const shapes = (subs: readonly SubTopology[]) =>
  subs.map(({ kind, perRecord, nodes }) => [
    kind,
    perRecord ? 'records' : 'chunks',
    nodes.map(({ name }) => name),
  ])

describe('the sub-topologies', () => {
  test('are cut where records are partitioned anew', () => {
    const subs = subTopologies(({ stream }) => {
      stream(words)
        .groupBy('letters', (word) => word)
        .count('count')
        .toStream('updates')
    })
    expect(shapes(subs)).toEqual([
      ['stream', 'chunks', ['words', 'letters', 'letters-repartition']],
      ['stream', 'chunks', ['letters-repartition', 'count', 'updates']],
    ])
  })

  test('take chunks apart where paths meet again, and only there', () => {
    const apart = subTopologies(({ stream }) => {
      const upper = stream(words).mapValues('upper', (word) => word.toUpperCase())
      upper.to('to out', out)
      stream(words).groupByKey().count('count')
    })
    expect(apart.map(({ perRecord }) => perRecord)).toEqual([false])
    const together = subTopologies(({ stream }) => {
      const [a, b] = [stream(words).filter('a', () => true), stream(words).filter('b', () => true)]
      a.merge(b).to(out)
    })
    expect(together.map(({ perRecord }) => perRecord)).toEqual([true])
    const oneTopic = subTopologies(({ stream }) => {
      stream(words)
        .filter('a', () => true)
        .to(out)
      stream(words)
        .filter('b', () => true)
        .to(out)
    })
    expect(oneTopic.map(({ perRecord }) => perRecord)).toEqual([true])
  })

  test('give each sink a task of its own, with the stateless steps before it', () => {
    const subs = subTopologies(({ stream }) => {
      const upper = stream(words).mapValues('upper', (word) => word.toUpperCase())
      upper.batch({ rowsMax: 1, waitMsMax: 1 }).to('sink', new MemorySink())
      upper.groupByKey().count('count')
    })
    expect(shapes(subs)).toEqual([
      ['stream', 'chunks', ['words', 'upper', 'count']],
      ['sink', 'chunks', ['words', 'upper', 'sink']],
    ])
  })

  test('put a topic before a sink that is fed by more than a view of one', () => {
    const subs = subTopologies(({ stream }) => {
      const counts = stream(words).groupByKey().count('count').toStream('updates')
      counts.batch({ rowsMax: 1, waitMsMax: 1 }).to('counts to sink', new MemorySink())
    })
    expect(shapes(subs)).toEqual([
      ['stream', 'chunks', ['words', 'count', 'updates', 'counts-to-sink-repartition']],
      ['sink', 'chunks', ['counts-to-sink-repartition', 'counts to sink']],
    ])
  })

  test('refuse two steps that bring one topic into one sink', () => {
    const sink = new MemorySink<string, string>()
    const policy = { rowsMax: 1, waitMsMax: 1 }
    expect(() =>
      subTopologies(({ stream }) => {
        stream(words).batch(policy).to('first', sink)
        stream(words).batch(policy).to('second', sink)
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'BAD_TOPOLOGY',
        message: expect.stringContaining('"first" and "second"'),
      }),
    )
  })

  test('refuse state behind a source that has no partitions', () => {
    expect(() =>
      subTopologies(({ source, stream }) => {
        source<string, string>('socket', NEVER, { key: () => 'k' })
          .merge(stream(words))
          .to(out)
      }),
    ).toThrow(expect.objectContaining({ code: 'BAD_TOPOLOGY', place: { step: 'socket' } }))
  })

  test('are found at once, however many ways lead to a sink', () => {
    const subs = subTopologies(({ stream }) => {
      let paths = stream(words)
      for (let n = 0; n < 40; n++) paths = paths.filter(() => true).merge(paths.filter(() => false))
      paths.batch({ rowsMax: 1, waitMsMax: 1 }).to('store', new MemorySink())
    })
    expect(subs.map(({ kind, nodes }) => [kind, nodes.length])).toEqual([['sink', 1 + 40 * 3 + 1]])
  })
})
