import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'

const text = { key: serdes.string, value: serdes.string }
const [input, output] = [topic('in', text), topic('out', text)]
const times: readonly (readonly [timeMs: number, expectedMs: number | 'dropped'])[] = [
  [0, 0],
  [12.9, 12],
  [-0.5, 0],
  [-1, 'dropped'],
  [-1.5, 'dropped'],
  [Number.NaN, 'dropped'],
  [Number.POSITIVE_INFINITY, 'dropped'],
]

describe.each(times)('a time of %s ms', (timeMs, expectedMs) => {
  const kept = expectedMs === 'dropped' ? [] : [expectedMs]
  const driverOf = (declare: (declare: Declare) => void) => new TestDriver(topology('timed', declare))
  const written = (driver: TestDriver) => driver.read(output).map(({ timestampMs }) => timestampMs)

  test(`of an extractor is ${expectedMs}`, () => {
    const driver = driverOf(({ stream }) => stream(input, { timestampMs: () => timeMs }).to(output))
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 7 })
    expect(written(driver)).toEqual(kept)
    expect(driver.dropped).toBe(1 - kept.length)
  })

  test(`of a source is ${expectedMs}`, () => {
    const driver = driverOf(({ source }) =>
      source('ticks', NEVER, { key: () => 'a', timestampMs: () => timeMs }).to(output),
    )
    driver.emit('ticks', 'x')
    expect(written(driver)).toEqual(kept)
    expect(driver.dropped).toBe(1 - kept.length)
  })

  test(`of a processor is ${expectedMs === 'dropped' ? 'refused' : expectedMs}`, () => {
    const driver = driverOf(({ stream }) =>
      stream(input)
        .process('at', {
          processor:
            ({ forward }) =>
            (value, key) =>
              forward(key, value, timeMs),
        })
        .to(output),
    )
    const pipe = () => driver.pipe(input, { key: 'a', value: 'x', timestampMs: 7 })
    if (expectedMs === 'dropped') expect(pipe).toThrow(`ms since the epoch, not ${timeMs}`)
    else pipe()
    expect(written(driver)).toEqual(kept)
  })
})
