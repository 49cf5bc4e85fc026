import { describe, expect, test } from 'vitest'
import { eachRecord, eachUpdate, standalone } from '../../src/operators/operator.ts'
import { chunk } from '../support/operator-family.ts'

describe('eachRecord', () => {
  test('hands over each record in order: its number, key, value and time', () => {
    const visited: unknown[] = []
    eachRecord(standalone(), chunk(['a', 1, 10], ['b', 2, 5]), (...record) => visited.push(record))
    expect(visited).toEqual([
      [0, 'a', 1, 10],
      [1, 'b', 2, 5],
    ])
  })

  test('goes on behind a record whose callback failed, if that does not end the task', () => {
    const visited: unknown[] = []
    const failed: unknown[] = []
    const context = standalone({ callbackFailed: (error, _chunk, i) => failed.push([error, i]) })
    eachRecord(context, chunk(['a', 1, 1], ['b', 2, 2], ['c', 3, 3]), (_i, key) => {
      if (key === 'b') throw 'no b'
      visited.push(key)
    })
    expect(visited).toEqual(['a', 'c'])
    expect(failed).toEqual([['no b', 1]])
  })
})

test('eachUpdate hands over what each update replaces too, before the time', () => {
  const visited: unknown[] = []
  const updates = { ...chunk(['a', 1, 10], ['b', null, 5]), oldValues: [null, 7] }
  eachUpdate(standalone(), updates, (...update) => visited.push(update))
  expect(visited).toEqual([
    [0, 'a', 1, null, 10],
    [1, 'b', null, 7, 5],
  ])
})
