import { describe, expect, test } from 'vitest'
import { partitionFor } from '../../src/kafka/partitioner.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Stream } from '../../src/stream/stream.ts'
import type { StreamPartitioner } from '../../src/stream/stream-partitioner.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'

const text = { key: serdes.string, value: serdes.string }
const [input, output] = [topic('in', text), topic('out', { ...text, partitions: 4 })]

function partitionsOf(declare: (records: Stream<string, string>) => void, ...values: readonly string[]) {
  const driver = new TestDriver(topology('parted', ({ stream }) => declare(stream(input))))
  for (const value of values) driver.pipe(input, { key: 'a', value, timestampMs: 1 })
  return driver.read(output).map(({ partition }) => partition)
}

const byNumber: StreamPartitioner<string, string> = (value) => Number(value)

describe('a partitioner of the user', () => {
  test('says the partition of each record, and leaves it to the key where it says none', () => {
    const asked: unknown[] = []
    const partitioner: StreamPartitioner<string, string> = (value, key, partitions) => {
      asked.push([value, key, partitions])
      return value === 'key' ? undefined : Number(value)
    }
    const byKey = partitionFor(Buffer.from('a'), 4)
    const to = (records: Stream<string, string>) => records.to(output, { partitioner })
    expect(partitionsOf(to, '3', '0', 'key')).toEqual([3, 0, byKey])
    expect(asked[0]).toEqual(['3', 'a', 4])
  })

  test('says it of each topic that records choose', () => {
    const to = (records: Stream<string, string>) =>
      records.to({ topicBy: () => output.name }, { partitioner: () => undefined })
    expect(partitionsOf(to, '3')).toHaveLength(1)
    const driver = new TestDriver(
      topology('chosen', ({ stream }) => {
        const [low, high] = [
          topic('low', { ...text, partitions: 2 }),
          topic('high', { ...text, partitions: 3 }),
        ]
        stream(low).to(high)
        stream(input).to({ topicBy: (value) => (value < '2' ? 'low' : 'high') }, { partitioner: byNumber })
      }),
    )
    for (const value of ['1', '2']) driver.pipe(input, { key: 'a', value, timestampMs: 1 })
    expect(driver.read('high').map(({ partition, value }) => [partition, value])).toContainEqual([2, '2'])
  })

  test('says it of a repartition topic, in whose tasks the records then are', () => {
    const driver = new TestDriver(
      topology('spread', ({ stream }) => {
        stream(input)
          .repartition('spread', { partitions: 4, partitioner: byNumber })
          .groupByKey()
          .count('seen')
      }),
    )
    for (const value of ['1', '3', '3']) driver.pipe(input, { key: 'a', value, timestampMs: 1 })
    const rows = [0, 1, 2, 3].map((partition) => driver.store('seen', partition)?.size)
    expect(rows).toEqual([0, 1, 0, 1])
  })

  test.each([['4'], ['-1'], ['0.5'], ['no number']])(
    'fails with the place for "%s", which is no partition of it',
    (value) => {
      const to = (records: Stream<string, string>) => records.to('odd', output, { partitioner: byNumber })
      expect(() => partitionsOf(to, value)).toThrow(
        expect.objectContaining({
          code: 'ENCODE_FAILED',
          message: expect.stringContaining('of "out": it has 4, counted from 0'),
          place: { step: 'odd', topic: 'in', partition: 0, offset: 0 },
        }),
      )
    },
  )
})
