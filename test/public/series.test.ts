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
}

interface Series {
  readonly bySymbol: ReadonlyMap<string, Points>
  add(answer: Answer): void
}

const { Series } = await pageModule<{ Series: new (minutes: number) => Series }>('series.js')

function pointsOf({ bySymbol }: Series) {
  return [...bySymbol].map(([symbol, { times, prices }]) => [symbol, times, prices])
}

test('takes a late trade at its time', () => {
  const series = new Series(0)
  series.add({ cursor: 'a', timestamps: [1, 2, 4], series: { A: [10, 20, 40], B: [null, 5, null] } })
  series.add({ cursor: 'b', timestamps: [3, 5], series: { A: [30, 50] } })
  expect(pointsOf(series)).toEqual([
    ['A', [1, 2, 3, 4, 5], [10, 20, 30, 40, 50]],
    ['B', [2], [5]],
  ])
})

test('keeps the price that stands when the time shown begins, and none before', () => {
  const series = new Series(1)
  series.add({ cursor: 'a', timestamps: [0, 10], series: { A: [5, 6], B: [1, null] } })
  series.add({ cursor: 'b', timestamps: [100], series: { B: [2] } })
  series.add({ cursor: 'c', timestamps: [5, 101], series: { A: [7, null], B: [null, 3] } })
  expect(pointsOf(series)).toEqual([
    ['A', [10], [6]],
    ['B', [0, 100, 101], [1, 2, 3]],
  ])
})

test('is loaded anew when it has grown by much', () => {
  const series = new Series(60)
  let most = 0
  for (let at = 0; at < 8_000; at++) {
    series.add({ cursor: String(at), timestamps: [at], series: { A: [at] } })
    most = Math.max(most, series.bySymbol.get('A')?.times.length ?? 0)
  }
  expect(most).toBe(3_001)
})
