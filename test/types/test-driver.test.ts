import { describe, expectTypeOf, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import type { ReadRecord, TestDriver } from '../../src/testing/index.ts'

interface User {
  readonly name: string
}

const users = topic('users', { key: serdes.string, value: serdes.json<User>() })
const bob = { key: 'bob', value: { name: 'Bob' }, timestampMs: 1 }

/** What is checked here is checked by the compiler: nothing runs. */
function types(_check: (driver: TestDriver) => void): void {}

describe('the types of a test driver', () => {
  test('take a tombstone beside the values of the topic, without a cast', () => {
    types((driver) => {
      driver.pipe(users, bob, { key: 'bob', value: null, timestampMs: 2 })
      driver.pipe(users, { ...bob, partition: 1, headers: [['from', Buffer.of(1)]] })
      driver.pipe('users', { key: 1, value: null, timestampMs: 2 })
      // @ts-expect-error the topic holds users
      driver.pipe(users, { key: 'bob', value: 'Bob', timestampMs: 1 })
      // @ts-expect-error undefined is no deletion
      driver.pipe(users, { key: 'bob', value: undefined, timestampMs: 1 })
      // @ts-expect-error its keys are strings
      driver.pipe(users, { ...bob, key: 1 })
      // @ts-expect-error and never null
      driver.pipe(users, { ...bob, key: null })
    })
  })

  test('say what is read, and where it lies', () => {
    types((driver) => {
      expectTypeOf(driver.read(users)).toEqualTypeOf<ReadRecord<string, User>[]>()
      expectTypeOf(driver.read(users)[0]?.partition).toEqualTypeOf<number | undefined>()
      expectTypeOf(driver.read('users')).toEqualTypeOf<ReadRecord<unknown, unknown>[]>()
    })
  })
})
