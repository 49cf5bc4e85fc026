import { describe, expect, test } from 'vitest'
import { LeaderEpochs } from '../../src/kafka/leader-epochs.ts'

const of = { topic: 't', partition: 0 }

describe('what is known of leader epochs', () => {
  test('is the epoch of the record before a position, where that was read', () => {
    const epochs = new LeaderEpochs()
    epochs.note(of, 1, 10, 20)
    epochs.note(of, 1, 20, 30)
    epochs.note(of, 3, 40, 50)
    expect([10, 11, 30, 31, 40, 41, 50, 51].map((position) => epochs.before(of, position))).toEqual([
      -1, 1, 1, -1, -1, 3, 3, -1,
    ])
    expect(epochs.before({ topic: 't', partition: 1 }, 15)).toBe(-1)
  })

  test('stays when a part is read again, and grows when another part is read', () => {
    const epochs = new LeaderEpochs()
    epochs.note(of, 1, 10, 20)
    epochs.note(of, 2, 20, 30)
    epochs.note(of, 1, 0, 12)
    expect([5, 20, 25].map((position) => epochs.before(of, position))).toEqual([1, 1, 2])
  })

  test('is forgotten where it contradicts what is read now: that log is no more', () => {
    const epochs = new LeaderEpochs()
    epochs.note(of, 5, 0, 100)
    epochs.note(of, 1, 0, 200)
    expect([50, 150].map((position) => epochs.before(of, position))).toEqual([1, 1])
  })

  test('is nothing where a broker tells no epoch', () => {
    const epochs = new LeaderEpochs()
    epochs.note(of, -1, 0, 10)
    expect(epochs.before(of, 5)).toBe(-1)
  })
})
