import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { type SubscriptionStore, subscriptionStore } from '../../src/state/subscription-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

const spec = () => subscriptionStore({ name: 's', foreignKey: serdes.long, key: serdes.string })

describe('the subscriptions of a foreign-key join', () => {
  test('are in order of the serialized left key, one for each', () => {
    const store = spec().create()
    for (const key of ['o3', 'o1', 'o10', 'o2', 'o1'])
      store.put(1, { key, hash: Buffer.from(key), partition: 0 })
    store.put(2, { key: 'o1', hash: Buffer.from('x'), partition: 0 })
    expect(store.subscribers(1).map(({ key }) => key)).toEqual(['o1', 'o10', 'o2', 'o3'])
    store.delete(1, 'o10')
    store.delete(1, 'never there')
    expect(store.subscribers(1).map(({ key }) => key)).toEqual(['o1', 'o2', 'o3'])
    expect(store.subscribers(3)).toEqual([])
    expect(store.size).toBe(4)
  })

  test('keep nothing else of the fetch in which they came', () => {
    const store = spec().create()
    const fetched = Buffer.alloc(100_000)
    store.put(1, { key: 'o1', hash: fetched.subarray(0, 16), partition: 0 })
    expect(store.subscribers(1)[0]?.hash.buffer).not.toBe(fetched.buffer)
  })

  test('are the same and go on the same after a restart', () => {
    survivesRestart({
      spec,
      op: fc.record({
        foreignKey: fc.nat(2),
        key: fc.constantFrom('a', 'b', 'c'),
        hash: fc.option(fc.nat(9)),
        partition: fc.nat(3),
      }),
      apply(store, { foreignKey, key, hash, partition }) {
        if (hash === null) store.delete(foreignKey, key)
        else store.put(foreignKey, { key, hash: Buffer.from([hash]), partition })
      },
      contents,
    })
  })
})

function contents(store: SubscriptionStore<number, string>) {
  const subscribers = [0, 1, 2].map((foreignKey) =>
    store.subscribers(foreignKey).map(({ key, hash, partition }) => [key, [...hash], partition]),
  )
  return { subscribers, size: store.size }
}
