import { describe, expect, test } from 'vitest'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { settingsOf } from '../../src/runtime/environment.ts'
import { nullable, serdes } from '../../src/serdes/serdes.ts'
import { untilWindowCloses } from '../../src/stream/suppression.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/windows/windows.ts'

const input = topic('in', { key: nullable(serdes.string), value: serdes.long })
const output = topic('out', { key: nullable(serdes.string), value: serdes.long })
const record = (key: string | null, value: number, timestampMs: number) => ({ key, value, timestampMs })

/** Rules of Kafka Streams that belong to no single operator; the others are tested beside theirs. */
describe('Kafka Streams', () => {
  test('rule 3: a negative timestamp from an extractor drops the record, and counts it', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => stream(input, { timestampMs: (value) => value }).to(output)),
    )
    driver.pipe(input, record('a', -1, 5), record('b', 7, 5))
    expect(driver.read(output).map(({ key, timestampMs }) => [key, timestampMs])).toEqual([['b', 7]])
    expect(driver.dropped).toBe(1)
  })

  test('rule 3: so does a negative timestamp of its own, of a table too', () => {
    const rows = topic('rows', { key: serdes.string, value: serdes.long })
    const driver = new TestDriver(
      topology('app', ({ stream, table }) => {
        stream(input).to(output)
        table(rows)
          .toStream()
          .filter((value) => value !== null)
          .to(output)
      }),
    )
    driver.pipe(input, record('a', 1, -1), record('b', 2, -86_400_000), record('c', 3, 0))
    driver.pipe(rows, { key: 'd', value: 4, timestampMs: -1 })
    expect(driver.read(output).map(({ key, timestampMs }) => [key, timestampMs])).toEqual([['c', 0]])
    expect(driver.dropped).toBe(3)
  })

  test('rule 9: nothing closes a window but a later record, however much wall-clock time passes', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        const counts = stream(input)
          .groupByKey()
          .windowedBy(tumbling({ sizeMs: 10 }))
          .count('count')
        const closed = counts.suppress('closed', untilWindowCloses).toStream()
        closed.map((count, { key }) => [key, count ?? 0]).to(output)
      }),
    )
    driver.pipe(input, record('a', 1, 1))
    driver.advanceWallClock(1_000_000)
    expect(driver.read(output)).toEqual([])
    driver.pipe(input, record('b', 1, 10))
    expect(driver.read(output).map(({ key }) => key)).toEqual(['a'])
  })

  test('rule 16: is exactly-once, commits as it has caught up, and pauses a partition when enough is buffered', () => {
    // Where the numbers are others than Kafka Streams', the documentation says so.
    // Nothing is sent: a connection opens when it is used.
    const settings = settingsOf({ kafka: connectKafka({ brokers: ['127.0.0.1:9'], clientId: 'test' }) })
    expect(settings).toMatchObject({ processing: 'exactly-once', recordsBufferedMax: 5_000 })
    expect(settings.commitIntervalMs).toBeUndefined()
  })

  test('rule 21: a null key before a repartition topic is left out and not counted', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => stream(input).repartition('by key').to(output)),
    )
    driver.pipe(input, record(null, 1, 1), record('a', 2, 2))
    expect(driver.read(output).map(({ key }) => key)).toEqual(['a'])
    expect(driver.dropped).toBe(0)
  })

  test('rule 29: a record goes depth first to the children in the order of their declaration', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        const twice = stream(input).flatMapValues('twice', (value) => [value, value + 1])
        const [first, second] = [
          twice.mapValues('first', (v) => v * 10),
          twice.mapValues('second', (v) => v * 100),
        ]
        second.merge(first).to(output)
      }),
    )
    driver.pipe(input, record('a', 1, 1))
    expect(driver.read(output).map(({ value }) => value)).toEqual([10, 100, 20, 200])
  })

  test('rule 29: a stream merged with itself gives each record once', () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        const numbers = stream(input)
        numbers.merge(numbers).to(output)
      }),
    )
    driver.pipe(input, record('a', 1, 1))
    expect(driver.read(output)).toHaveLength(1)
  })
})
