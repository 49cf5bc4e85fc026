import { expect, test } from 'vitest'
import { pageModule } from '../../support/page-module.ts'

type Columns = Readonly<Record<string, readonly (number | null)[]>>

const { History } = await pageModule<{
  History: new () => {
    readonly times: readonly number[]
    readonly columns: Readonly<Record<string, ReadonlyMap<string, readonly (number | null)[]>>>
    readonly query: string
    readonly revision: number
    add(answer: object): void
  }
}>('pipeline/history.js')

const answer = (timestamps: readonly number[], rates: Columns) => ({
  ...{ timestamps, rates },
  ...{ lags: {}, lag_seconds: {}, counters: {} },
})

test('asks for what is newer than what it has, and adds it', () => {
  const history = new History()
  expect(history.query).toBe('')
  history.add(answer([5, 10], { a: [1, 2] }))
  expect(history.query).toBe('?since=10000')
  history.add(answer([10, 15], { a: [2, 3], b: [7, 8] }))
  expect(history.times).toEqual([5, 10, 15])
  expect([...(history.columns.rates ?? [])]).toEqual([
    ['a', [1, 2, 3]],
    ['b', [null, null, 8]],
  ])
})

test('what comes again changes nothing', () => {
  const history = new History()
  history.add(answer([5, 10], { a: [1, 2] }))
  const { revision } = history
  history.add(answer([5, 10], { a: [1, 2] }))
  expect([history.revision, history.times]).toEqual([revision, [5, 10]])
})

test('keeps an hour, and forgets a line of which nothing is left in it', () => {
  const history = new History()
  history.add(answer([0], { old: [1], a: [1] }))
  const times = Array.from({ length: 720 }, (_, i) => 5 + i * 5)
  history.add(answer(times, { a: times }))
  expect([history.times.length, history.times[0]]).toEqual([720, 5])
  expect([...(history.columns.rates?.keys() ?? [])]).toEqual(['a'])
})
