import { delay, of } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { describeAsText } from '../../src/stream/describe.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'

const names = topic('names', { key: serdes.string, value: serdes.string })
const lengths = topic('lengths', { key: serdes.string, value: serdes.long })

const policy = { concurrencyMax: 4, timeoutMs: 1_000 }

describe('mapAsync', () => {
  test('has its results behind it, in order, once the driver has settled', async () => {
    const asked: string[] = []
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        stream(names)
          .mapAsync(
            'look up',
            async (name, key) => {
              asked.push(`${key}: ${name}`)
              // The longer, the sooner.
              for (let turns = 10 - name.length; turns > 0; turns--) await null
              return name.length
            },
            policy,
          )
          .filter((length) => length > 1)
          .to(lengths)
      }),
    )
    driver.pipe(
      names,
      { key: 'a', value: 'Bo', timestampMs: 1 },
      { key: 'b', value: 'Adalbert', timestampMs: 2 },
      { key: 'c', value: 'X', timestampMs: 3 },
    )
    expect(driver.read(lengths)).toEqual([])
    expect(driver.waiting).toBe(3)
    await driver.settle()
    expect(asked).toEqual(['a: Bo', 'b: Adalbert', 'c: X'])
    expect(driver.read(lengths)).toMatchObject([
      { key: 'a', value: 2, timestampMs: 1 },
      { key: 'b', value: 8, timestampMs: 2 },
    ])
  })

  test('keeps the key, so that what counts by it needs no repartition', () => {
    const app = topology('app', ({ stream }) => {
      stream(names)
        .mapAsync('look up', async (name) => name.length, policy)
        .groupByKey()
        .count('known')
    })
    expect(describeAsText(app)).toBe(`Topology app
  Sub-topology 0 (stream, in chunks)
    names  [stream]
    names → look up  [mapAsync]  topic look-up-results  string → json
  Sub-topology 1 (stream, in chunks)
    look up  [mapAsync]  topic look-up-results
    look up → known  [count]  store known (key-value, string → json)
`)
  })

  test('rejects in the driver with what a call threw, and where', async () => {
    const driver = new TestDriver(
      topology('app', ({ stream }) => {
        stream(names)
          .mapAsync(
            'look up',
            async (): Promise<number> => {
              throw new Error('nobody home')
            },
            policy,
          )
          .to(lengths)
      }),
    )
    driver.pipe(names, { key: 'a', value: 'Bo', timestampMs: 1 })
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { step: 'look up', topic: 'names', partition: 0, offset: 0 },
    })
  })

  test('runs under marbles with observables in place of promises', () => {
    marbles(({ hot, drive, expectObservable }) => {
      const app = topology('app', ({ source, stream }) => {
        source('typed names', hot('ab|', { a: 'Bo', b: 'Adalbert' }))
          .map((name) => ['k', name])
          .to(names)
        stream(names)
          .mapAsync('look up', (name) => of(name.length).pipe(delay(10 - name.length)), policy)
          .to(lengths)
      })
      const { topic: written } = drive(app)
      const record = (value: number, timestampMs: number) => ({
        key: 'k',
        value,
        timestampMs,
        offset: timestampMs,
      })
      expectObservable(written(lengths)).toBe('8ms (ab|)', { a: record(2, 0), b: record(8, 1) })
    })
  })

  test('refuses a source without partitions, and calls that a commit could not wait for', () => {
    expect(
      () =>
        new TestDriver(
          topology('app', ({ source }) => {
            source('names', of('Bo'))
              .mapAsync('look up', async (name) => name.length, policy)
              .map((length) => ['k', length])
              .to(lengths)
          }),
        ),
    ).toThrow(/no partitions yet: send it to a topic before "look up"/)
    expect(() =>
      topology('app', ({ stream }) => {
        stream(names).mapAsync('look up', async () => 1, {
          concurrencyMax: 1,
          timeoutMs: 10_000,
          retry: { initialMs: 100, waitMsMax: 1_000, attemptsMax: 3 },
        })
      }),
    ).toThrow(/may take 32000 ms with all its tries/)
    expect(() =>
      topology('app', ({ stream }) => {
        stream(names).mapAsync('look up', async () => 1, { concurrencyMax: 0, timeoutMs: 10 })
      }),
    ).toThrow(/concurrencyMax must be a whole number of at least 1/)
  })
})
