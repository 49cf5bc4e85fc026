import { describe, expect, test } from 'vitest'
import { partitionFor } from '../../src/kafka/partitioner.ts'
import type { PlainRecord } from '../../src/records/chunk.ts'
import { nullable, serdes } from '../../src/serdes/serdes.ts'
import { queryable } from '../../src/stream/queryable.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilWindowCloses } from '../../src/stream/suppression.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/windows/windows.ts'

const text = { key: serdes.string, value: serdes.string }
const input = topic('in', { ...text, partitions: 3 })
const output = topic('out', { ...text, partitions: 2 })
const keys = ['a', 'b', 'c', 'd', 'e', 'f']
const records = keys.map((key, i) => ({ key, value: key.toUpperCase(), timestampMs: i }))
const partitionOf = (key: string, partitions: number) => partitionFor(Buffer.from(key), partitions)
/** One in each partition of the input. */
const apart = [0, 1, 2].map((partition) => keys.find((key) => partitionOf(key, 3) === partition) as string)

const app = (declare: (declare: Declare) => void) => topology('app', declare)
const copy = app(({ stream }) => stream(input).to(output))

describe('a topic of the test driver with several partitions', () => {
  test('takes each record where its key says, and each output says where it lies', () => {
    const driver = new TestDriver(copy)
    driver.pipe(input, ...records)
    const nextOffsets = [0, 0]
    expect(driver.read(output)).toEqual(
      records.map((record) => {
        const partition = partitionOf(record.key, 2)
        const offset = nextOffsets[partition] as number
        nextOffsets[partition] = offset + 1
        return { ...record, partition, offset }
      }),
    )
    driver.pipeChunk(input, {
      topic: 'in',
      partition: 0,
      keys: ['a'],
      values: ['again'],
      timestampsMs: [9],
      offsets: [0],
    })
    expect(driver.readAll()).toMatchObject([{ topic: 'out', key: 'a', partition: partitionOf('a', 2) }])
  })

  test('takes a record where the test says, if there is such a partition', () => {
    const driver = new TestDriver(
      app(({ stream }) => {
        whereOf(stream(input)).to(output)
      }),
    )
    driver.pipe(input, ...[2, 0, 1].map((partition) => ({ key: 'a', value: 'x', timestampMs: 1, partition })))
    expect(driver.read(output).map(({ value }) => value)).toEqual(['2', '0', '1'])
    for (const partition of [3, -1, 0.5]) {
      expect(() => driver.pipe(input, { key: 'a', value: 'x', timestampMs: 1, partition })).toThrow(
        `the topic "in" has no partition ${partition}: it has 3, counted from 0`,
      )
    }
  })

  test('takes records without key by turns', () => {
    const keyless = topic('in', { key: nullable(serdes.string), value: serdes.string, partitions: 3 })
    const driver = new TestDriver(
      app(({ stream }) =>
        whereOf(stream(keyless))
          .selectKey(() => 'k')
          .to(output),
      ),
    )
    driver.pipe(keyless, ...['x', 'y', 'z', 'x'].map((value) => ({ key: null, value, timestampMs: 1 })))
    expect(driver.read(output).map(({ value }) => value)).toEqual(['0', '1', '2', '0'])
  })

  test('has as many as the driver is told', () => {
    const driver = new TestDriver(copy, { partitions: 1 })
    driver.pipe(input, ...records)
    expect(driver.read(output).map(({ partition, offset }) => [partition, offset])).toEqual(
      records.map((_, offset) => [0, offset]),
    )
  })

  test('has one where a record chooses it and nobody declares it', () => {
    const driver = new TestDriver(
      app(({ stream }) => stream(input).to({ topicBy: (value) => `to-${value}` })),
    )
    driver.pipe(input, ...records)
    expect(driver.readAll().map(({ topic: name, partition }) => [name, partition])).toEqual(
      records.map(({ value }) => [`to-${value}`, 0]),
    )
  })
})

describe('the tasks of a test driver', () => {
  const counting = topology('app', ({ stream }) => ({
    counts: queryable(stream(input).groupByKey().count('counts')),
  }))

  test('have a stream time each: a window closes with the records of its own partition', () => {
    const driver = new TestDriver(
      app(({ stream }) => {
        stream(input)
          .groupByKey()
          .windowedBy(tumbling({ sizeMs: 10 }))
          .count('counts')
          .suppress('closed', untilWindowCloses)
          .toStream()
          .map((count, { key }) => [key, String(count)])
          .to(output)
      }),
    )
    const at = (timestampMs: number) => apart.map((key) => ({ key, value: 'x', timestampMs }))
    driver.pipe(input, ...at(1))
    driver.pipe(input, ...at(10).slice(0, 1))
    expect(driver.read(output).map(({ key }) => key)).toEqual(apart.slice(0, 1))
    driver.pipe(input, ...at(10).slice(1))
    expect(driver.read(output).map(({ key }) => key)).toEqual(apart.slice(1))
  })

  test('have a part of each store: a query asks all of them, a store is that of one partition', () => {
    const driver = new TestDriver(counting)
    driver.pipe(input, ...records)
    const counts = driver.query(counting.stores.counts)
    expect(counts.size()).toBe(6)
    expect(keys.map((key) => counts.get(key))).toEqual(keys.map(() => 1))
    const sizes = [0, 1, 2].map((partition) => driver.store('counts', partition)?.size)
    expect(sizes).toEqual(
      [0, 1, 2].map((partition) => keys.filter((key) => partitionOf(key, 3) === partition).length),
    )
    expect(() => driver.store('counts')).toThrow('the store "counts" has 3 parts')
    expect(driver.store('counts', 3)).toBeUndefined()
    expect(driver.store('other')).toBeUndefined()
  })

  test('see all of a global table', () => {
    const names = topic('names', { ...text, partitions: 3 })
    const driver = new TestDriver(
      app(({ stream, globalTable }) => {
        stream(input)
          .join(
            globalTable(names),
            { foreignKey: () => apart[2] as string },
            (value, name) => `${value} ${name}`,
          )
          .to(output)
      }),
    )
    driver.pipe(names, { key: apart[2] as string, value: 'name', timestampMs: 1 })
    driver.pipe(input, ...records)
    expect(driver.read(output).map(({ value }) => value)).toEqual(records.map(({ value }) => `${value} name`))
  })

  test('are told the wall-clock time, all of them', () => {
    const driver = new TestDriver(
      app(({ stream }) => {
        stream(input)
          .process('tick', {
            value: serdes.string,
            processor: ({ punctuate, forward }) => {
              punctuate({ everyMs: 10, by: 'wallClock' }, () => forward('tick', 'tock'))
              return () => {}
            },
          })
          .to(output)
      }),
    )
    driver.advanceWallClock(10)
    expect(driver.read(output)).toHaveLength(3)
  })

  const shapes: Record<string, (declare: Declare) => void> = {
    'a windowed count by a new key': ({ stream }) =>
      stream(input)
        .groupBy('by first letter', (value) => value[0] as string)
        .windowedBy(tumbling({ sizeMs: 50, graceMs: 10_000 }))
        .count('counts')
        .toStream()
        .map((count, { key, startMs }) => [`${key}@${startMs}`, String(count)])
        .to(output),
    'a join of tables': ({ table }) =>
      table(input)
        .leftJoin(table(right), (a, b) => `${a}+${b}`)
        .toStream()
        .mapValues(String)
        .to(output),
    'a foreign-key join': ({ table }) =>
      table(input)
        .leftJoin('owner', table(elsewhere), { foreignKey: (value) => value }, (a, b) => `${a}+${b}`)
        .toStream()
        .mapValues(String)
        .to(output),
  }
  const right = topic('right', { ...text, partitions: 3 })
  /** A foreign-key join's sides need not have equally many. */
  const elsewhere = topic('elsewhere', { ...text, partitions: 2 })

  test.each(Object.entries(shapes))(
    'make of %s what one partition makes, always in the same order',
    (_, declare) => {
      const outputs = (partitions?: number) => {
        const driver = new TestDriver(app(declare), partitions === undefined ? {} : { partitions })
        const read = new Set(driver.subTopologies.flatMap(({ nodes }) => nodes.map(({ name }) => name)))
        for (let i = 0; i < 60; i++) {
          const of = [input, right, elsewhere].filter(({ name }) => read.has(name))[i % 2] ?? input
          driver.pipe(of, {
            key: keys[i % 5] as string,
            value: keys[(i * 7) % 6] as string,
            timestampMs: i * 3,
          })
        }
        return driver.read(output)
      }
      const several = outputs()
      expect(new Set(several.map(({ partition }) => partition)).size).toBe(2)
      expect(outputs()).toEqual(several)
      expect(byKey(several)).toEqual(byKey(outputs(1)))
    },
  )
})

describe('a test driver of topics that are partitioned unlike', () => {
  const other = topic('other', { ...text, partitions: 2 })

  test('is refused where they are joined, as the runtime refuses it', () => {
    const joined = app(({ stream, table }) =>
      stream(input)
        .join('both', table(other), (a, b) => a + b)
        .to(output),
    )
    expect(() => new TestDriver(joined)).toThrow(
      expect.objectContaining({
        code: 'BAD_TOPOLOGY',
        message: expect.stringContaining(
          '"both" brings together topics with different numbers of partitions',
        ),
        place: { step: 'both' },
      }),
    )
    expect(() => new TestDriver(joined, { partitions: 2 })).not.toThrow()
  })

  test('is made where a repartition topic is between, which gets as many as it is joined with', () => {
    const driver = new TestDriver(
      app(({ stream, table }) => {
        stream(input)
          .repartition('alike')
          .join(table(other), (a, b) => a + b)
          .to(output)
      }),
    )
    driver.pipe(other, ...records)
    driver.pipe(input, ...records)
    expect(driver.read(output).map(({ value }) => value)).toEqual(records.map(({ value }) => value + value))
  })
})

function byKey(read: readonly PlainRecord<string, string>[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const { key, value } of read) values.set(key, [...(values.get(key) ?? []), value])
  return values
}

/** Each record's value is the partition in which it lay. */
function whereOf<K>(stream: Stream<K, string>): Stream<K, string> {
  return stream.process('where', {
    value: serdes.string,
    processor:
      ({ forward }) =>
      (_, key, { partition }) =>
        forward(key, String(partition)),
  })
}
