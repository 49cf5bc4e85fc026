import { afterEach, describe, expect, test, vi } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { AsyncMapper, MapAsyncOptions } from '../../src/stream/map-async.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'

const numbers = topic('numbers', { key: serdes.nullable(serdes.string), value: serdes.long, partitions: 2 })
const squares = topic('squares', { key: serdes.nullable(serdes.string), value: serdes.long, partitions: 2 })

const options = { concurrencyMax: 8, timeoutMs: 5_000, value: serdes.long }

function squaring(
  mapper: AsyncMapper<string | null, number, number>,
  overrides: Partial<MapAsyncOptions<number>> = {},
): Topology {
  return topology('app', ({ stream }) => {
    stream(numbers)
      .mapAsync('square', mapper, { ...options, ...overrides })
      .processValues('note', {
        processor: ({ forward }) => {
          return (value, key, { partition }) => {
            if (key === null) noted.push([partition, value])
            forward(value)
          }
        },
      })
      .to(squares)
  })
}

/** Results of records without a key, as they came, with the partition that they came from. */
let noted: [partition: number, value: number][] = []

/** Answers later, and in another order than it was asked. */
async function square(n: number): Promise<number> {
  for (let turns = (n * 7) % 11; turns > 0; turns--) await new Promise(setImmediate)
  return n * n
}

const keys = ['a', 'b', 'c', 'd', null]
const records = Array.from({ length: 500 }, (_, i) => ({
  key: keys[i % keys.length] as string | null,
  value: i,
  timestampMs: i,
}))

/** Of records without a key only those of one partition have an order. */
async function squaresByKey(rig: KafkaRig) {
  const read = byKey(await rig.read(squares))
  return { ...read, null: read.null?.toSorted(([, a], [, b]) => a - b) }
}

const expected = byKey(records.map((record) => ({ ...record, value: record.value ** 2 })))

describe('mapAsync on Kafka', () => {
  let rig: KafkaRig
  afterEach(async () => {
    noted = []
    await rig.close()
  })

  test('gives each key its results once and in order, with bounded calls', async () => {
    rig = await KafkaRig.start()
    await rig.produce(numbers, records)
    let underWay = 0
    let most = 0
    const running = rig.run(
      squaring(async (n) => {
        most = Math.max(most, ++underWay)
        const result = await square(n)
        underWay--
        return result
      }),
    )
    await rig.workedOff([running], ['numbers', 'app-square-results'])
    expect(await squaresByKey(rig)).toEqual(expected)
    // Two partitions, so two tasks.
    expect(most).toBeLessThanOrEqual(2 * options.concurrencyMax)
    expect(most).toBeGreaterThan(2)
    const keyless = records.filter(({ key }) => key === null)
    expect(noted).toEqual(keyless.map(({ value }) => [0, value ** 2]))
  })

  test('commits nothing that is under way: who takes over does it again, and nothing is lost or doubled', async () => {
    rig = await KafkaRig.start()
    await rig.produce(numbers, records)
    // The first call of the first program never ends; those behind it do, and commits become due meanwhile.
    const first = rig.run(
      squaring((n) => (n === 0 ? new Promise(() => {}) : square(n)), { timeoutMs: 500 }),
      { commitIntervalMs: 10 },
    )
    await expect(first.done).rejects.toMatchObject({
      code: 'TIMED_OUT',
      place: { step: 'square', topic: 'numbers', offset: 0 },
    })
    const second = rig.run(squaring(square))
    await rig.workedOff([second], ['numbers', 'app-square-results'])
    expect(await squaresByKey(rig)).toEqual(expected)
  })

  test('keeps what stands before it and its results together, while instances come and go', async () => {
    rig = await KafkaRig.start()
    const app = topology('app', ({ stream }) => {
      stream(numbers)
        .groupByKey()
        .count('seen')
        .toStream()
        .mapAsync('square', (count) => square(count ?? 0), options)
        .to(squares)
    })
    const keyed = records.filter(({ key }) => key !== null)
    await rig.produce(numbers, keyed.slice(0, 200))
    const first = rig.run(app, { commitIntervalMs: 20 })
    await first.started
    const second = rig.run(app, { commitIntervalMs: 20 })
    await rig.produce(numbers, keyed.slice(200, 300))
    await second.started
    await rig.produce(numbers, keyed.slice(300))
    await first.stop()
    await rig.workedOff([second], ['numbers', 'app-square-results'])
    const seen = new Map<string | null, number>()
    const counted = keyed.map((record) => {
      const count = (seen.get(record.key) ?? 0) + 1
      seen.set(record.key, count)
      return { ...record, value: count ** 2 }
    })
    expect(byKey(await rig.read(squares))).toEqual(byKey(counted))
  })

  test('finishes what is under way when it is stopped', async () => {
    rig = await KafkaRig.start()
    const waiting: (() => void)[] = []
    const running = rig.run(squaring((n) => new Promise((resolve) => waiting.push(() => resolve(n * n)))))
    await running.started
    await rig.produce(numbers, [{ key: 'a', value: 3, timestampMs: 1 }])
    await vi.waitFor(() => expect(waiting).toHaveLength(1), { timeout: 10_000 })
    const stopped = running.stop()
    waiting[0]?.()
    await stopped
    await running.done
    const results = await rig.kafka.admin.offsets('app-square-results')
    expect(results.filter(({ endOffset }) => endOffset > 0)).toHaveLength(1)
    const committed = await rig.kafka.admin.committedOffsets('app', ['numbers'])
    expect(committed.map(({ offset }) => offset)).toContain(1)
  })

  test('leaves out, counted, what failed for good, where the program says so', async () => {
    rig = await KafkaRig.start()
    await rig.produce(numbers, records)
    const running = rig.run(
      squaring(
        async (n) => {
          if (n % 10 === 3) throw new RivuletError('SOURCE_FAILED', 'no threes')
          return square(n)
        },
        { retry: { initialMs: 1, waitMsMax: 1, attemptsMax: 2 } },
      ),
      { onCallbackError: () => 'drop' },
    )
    await rig.workedOff([running], ['numbers', 'app-square-results'])
    const kept = records.filter(({ value }) => value % 10 !== 3)
    expect(await squaresByKey(rig)).toEqual(
      byKey(kept.map((record) => ({ ...record, value: record.value ** 2 }))),
    )
    expect(running.status().counters.dropped).toBe(50)
  })
})
