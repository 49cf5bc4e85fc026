import { expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { type Environment, settingsOf } from '../../src/runtime/environment.ts'

const kafka = {} as Kafka

test.each<Partial<Environment>>([
  { commitIntervalMs: -1 },
  { commitIntervalMs: Number.NaN },
  { recordsBufferedMax: 0 },
  { bytesUnsentMax: 0 },
  { partitionFetchBytesMax: 0.5 },
  { taskIdleMsMax: -1 },
  { emitIntervalMs: -1 },
  { sourceRecordsMax: 0 },
  { stopTimeoutMs: Number.POSITIVE_INFINITY },
])('%o is refused, by name', (environment) => {
  const [name] = Object.keys(environment)
  expect(() => settingsOf({ kafka, ...environment })).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIG', place: { parameter: name } }),
  )
})

test('what is not said has its default', () => {
  expect(settingsOf({ kafka, commitIntervalMs: 7 })).toMatchObject({
    commitIntervalMs: 7,
    recordsBufferedMax: 5_000,
  })
})
