import { expect, test } from 'vitest'
import { type Headers, lastHeader } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'

const text = { key: serdes.string, value: serdes.string }
const [input, output] = [topic('in', text), topic('out', text)]
const trace = (value: string): Headers => [['trace', Buffer.from(value)]]

test('headers are read into a value, and stay with the record through steps and a repartition', () => {
  const app = topology('headers', ({ stream }) => {
    stream(input)
      .withHeaders((value, headers) => `${value} by ${lastHeader(headers, 'trace') ?? 'nobody'}`)
      .repartition('spread')
      .to(output)
  })
  const driver = new TestDriver(app)
  driver.pipe(
    input,
    { key: 'a', value: 'x', timestampMs: 1, headers: trace('ann') },
    { key: 'a', value: 'y', timestampMs: 2 },
  )
  expect(driver.read(output)).toMatchObject([
    { value: 'x by ann', headers: trace('ann') },
    { value: 'y by nobody' },
  ])
})

test('headers are written to the topic, and none where the mapper answers none', () => {
  const app = topology('headers', ({ stream }) => {
    stream(input)
      .mapHeaders((headers, value, key) => (value === 'bare' ? [] : [...headers, ...trace(`${key}${value}`)]))
      .to(output)
  })
  const driver = new TestDriver(app)
  const headers = trace('before')
  driver.pipe(input, { key: 'a', value: '1', timestampMs: 1, headers })
  driver.pipe(input, { key: 'a', value: 'bare', timestampMs: 1, headers })
  const [whole, bare] = driver.read(output)
  expect(whole?.headers).toEqual([...headers, ...trace('a1')])
  expect(bare?.headers ?? []).toEqual([])
})
