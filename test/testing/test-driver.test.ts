import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { otherwise } from '../../src/stream/stream.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/windows/windows.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.long })

describe('the test driver', () => {
  test('runs a chain of stateless steps', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        stream(input)
          .filter((value) => value > 1)
          .mapValues((value) => value * 10)
          .to(output)
      }),
    )
    driver.pipe(input, { key: 'a', value: 1, timestampMs: 1 }, { key: 'b', value: 2, timestampMs: 2 })
    expect(driver.read(output)).toEqual([{ key: 'b', value: 20, timestampMs: 2, partition: 0, offset: 0 }])
  })

  test('counts windows through a repartition topic', () => {
    const app = topology('app', ({ stream }) => {
      stream(input)
        .groupBy('parity', (value) => (value % 2 === 0 ? 'even' : 'odd'))
        .windowedBy(tumbling({ sizeMs: 10 }))
        .count('counts')
        .toStream()
        .map((value, { key, startMs }) => [`${key}@${startMs}`, value ?? -1])
        .to(output)
    })
    const driver = new TestDriver(app)
    for (const [value, timestampMs] of [
      [1, 1],
      [3, 2],
      [2, 12],
      [5, 3],
    ] as const) {
      driver.pipe(input, { key: 'k', value, timestampMs })
    }
    expect(driver.subTopologies.length).toBe(2)
    expect(driver.read(output).map(({ key, value }) => [key, value])).toEqual([
      ['odd@0', 1],
      ['odd@0', 2],
      ['even@10', 1],
    ])
    expect(driver.dropped).toBe(1)
  })

  test('sends each record through the branches before the next one', () => {
    const app = topology('app', ({ stream }) => {
      const { small, large } = stream(input).split({ small: (value) => value < 10, large: otherwise })
      small
        .mapValues((value) => -value)
        .merge(large)
        .to(output)
    })
    const driver = new TestDriver(app)
    driver.pipeChunk(input, {
      topic: 'in',
      partition: 0,
      keys: ['a', 'b', 'c'],
      values: [1, 20, 3],
      timestampsMs: [1, 2, 3],
      offsets: [0, 1, 2],
    })
    expect(driver.read(output).map(({ value }) => value)).toEqual([-1, 20, -3])
  })

  test('leaves out a record on which a callback throws, where that is what the program is to do', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        stream(input)
          .filter((value) => {
            if (value === 1) throw new Error('not this one')
            return true
          })
          .to(output)
      }),
      { onCallbackError: () => 'drop' },
    )
    driver.pipe(input, { key: 'a', value: 1, timestampMs: 1 }, { key: 'a', value: 2, timestampMs: 2 })
    expect(driver.read(output).map(({ value }) => value)).toEqual([2])
    expect(driver.dropped).toBe(1)
  })

  test('deletes the row of a table with null', () => {
    const driver = new TestDriver(
      topology('app', ({ table }) => {
        table(input, { store: 'rows' })
      }),
    )
    driver.pipe(input, { key: 'a', value: 1, timestampMs: 1 })
    expect(driver.store('rows')?.size).toBe(1)
    driver.pipe(input, { key: 'a', value: null, timestampMs: 2 })
    expect(driver.store('rows')?.size).toBe(0)
  })

  test('lets several streams write to one topic', () => {
    const app = topology('app', ({ stream }) => {
      stream(input).to(output)
      stream(input)
        .mapValues((value) => value * 10)
        .to(output)
    })
    const driver = new TestDriver(app)
    driver.pipe(input, { key: 'a', value: 1, timestampMs: 1 }, { key: 'a', value: 2, timestampMs: 2 })
    expect(driver.read(output).map(({ value }) => value)).toEqual([1, 10, 2, 20])
  })
})
