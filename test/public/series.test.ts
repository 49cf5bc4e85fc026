import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

interface Points {
  readonly times: number[]
  readonly prices: number[]
}

interface Answer {
  readonly cursor: string
  readonly timestamps: readonly number[]
  readonly series: Readonly<Record<string, readonly (number | null)[]>>
  readonly past: Readonly<Record<string, Points>>
  readonly past_version: number
  readonly latest: readonly {
    readonly symbol: string
    readonly price: number
    readonly last_update: string
  }[]
}

interface Series {
  readonly bySymbol: ReadonlyMap<string, Points>
  readonly exchange: Readonly<Record<string, readonly { from: number; to: number }[]>>
  readonly isEmpty: boolean
  add(answer: Answer): void
}

const none = { latest: [], past: {}, past_version: 0 }
const { Series } = await pageModule<{ Series: new (minutes: number) => Series }>('series.js')

function pointsOf({ bySymbol }: Series) {
  return [...bySymbol].map(([symbol, { times, prices }]) => [symbol, times, prices])
}

test('takes a late trade at its time', () => {
  const series = new Series(0)
  series.add({ ...none, cursor: 'a', timestamps: [1, 2, 4], series: { A: [10, 20, 40], B: [null, 5, null] } })
  series.add({ ...none, cursor: 'b', timestamps: [3, 5], series: { A: [30, 50] } })
  expect(pointsOf(series)).toEqual([
    ['A', [1, 2, 3, 4, 5], [10, 20, 30, 40, 50]],
    ['B', [2], [5]],
  ])
})

test('keeps the price that stands when the time shown begins, and none before', () => {
  const series = new Series(1)
  series.add({ ...none, cursor: 'a', timestamps: [0, 10], series: { A: [5, 6], B: [1, null] } })
  series.add({ ...none, cursor: 'b', timestamps: [100], series: { B: [2] } })
  series.add({ ...none, cursor: 'c', timestamps: [5, 101], series: { A: [7, null], B: [null, 3] } })
  expect(pointsOf(series)).toEqual([
    ['A', [10], [6]],
    ['B', [0, 100, 101], [1, 2, 3]],
  ])
})

test('keeps the price of who is quiet, unless nothing was traded at all', () => {
  const latest = [{ symbol: 'B', price: 7, last_update: '1970-01-01T00:00:01.500000Z' }]
  const series = new Series(60)
  series.add({ ...none, cursor: 'a', timestamps: [], series: {}, latest })
  expect(pointsOf(series)).toEqual([])
  series.add({ ...none, cursor: 'b', timestamps: [9_000], series: { A: [5] }, latest })
  expect(pointsOf(series)).toEqual([
    ['A', [9_000], [5]],
    ['B', [1.5], [7]],
  ])
})

test('begins with what the exchange tells, and is loaded anew when that becomes more', () => {
  const series = new Series(60)
  const past = { A: { times: [60, 120], prices: [1, 2] } }
  series.add({ ...none, cursor: 'a', timestamps: [130], series: { A: [3] }, past, past_version: 1 })
  expect(pointsOf(series)).toEqual([['A', [60, 120, 130], [1, 2, 3]]])
  expect(series.exchange).toEqual({ A: [{ from: 0, to: 120 }] })
  expect(series.isEmpty).toBe(false)
  series.add({ ...none, cursor: 'b', timestamps: [], series: {}, past_version: 2 })
  expect(series.isEmpty).toBe(true)
})

test('is loaded anew when it has grown by much', () => {
  const series = new Series(60)
  let most = 0
  for (let at = 0; at < 8_000; at++) {
    series.add({ ...none, cursor: String(at), timestamps: [at], series: { A: [at] } })
    most = Math.max(most, series.bySymbol.get('A')?.times.length ?? 0)
  }
  expect(most).toBe(3_001)
})
