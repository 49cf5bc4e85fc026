import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

interface Points {
  readonly times: readonly number[]
  readonly prices: readonly number[]
}

interface Detail {
  readonly bySymbol: ReadonlyMap<string, Points>
  readonly revision: number
  readonly query: string | null
  look(view: { readonly min: number; readonly max: number } | null): void
  add(query: string, answer: { timestamps: number[]; series: Record<string, (number | null)[]> }): void
}

const { Detail, joined } = await pageModule<{
  Detail: new () => Detail
  joined: (one: Points, other: Points | undefined) => Points
}>('detail.js')

const answer = { timestamps: [101, 102], series: { A: [1, 2], B: [null, 3] } }

test('asks once for what is looked at, with points of its own', () => {
  const detail = new Detail()
  expect(detail.query).toBeNull()
  detail.look({ min: 100.5, max: 1_900.25 })
  const query = detail.query!
  expect(query).toBe('from=100500&to=1900250&points=600&format=columns')
  detail.add(query, answer)
  expect(detail.query).toBeNull()
  expect([...detail.bySymbol]).toEqual([
    ['A', { times: [101, 102], prices: [1, 2] }],
    ['B', { times: [102], prices: [3] }],
  ])
})

test('keeps its points until those of another time are there, and drops an answer that comes too late', () => {
  const detail = new Detail()
  detail.look({ min: 100, max: 200 })
  const query = detail.query!
  detail.add(query, answer)
  detail.look({ min: 0, max: 100 })
  detail.add(query, { timestamps: [150], series: { A: [9] } })
  expect(detail.bySymbol.get('A')?.times).toEqual([101, 102])
  expect(detail.query).toContain('from=0&to=100000')
  detail.look(null)
  expect(detail.query).toBeNull()
  expect(detail.bySymbol.size).toBe(0)
  expect(detail.revision).toBe(2)
})

test('joins points of the same trades, each once, in order of time', () => {
  const shown = { times: [1, 5, 5, 9], prices: [10, 50, 51, 90] }
  const zoomed = { times: [5, 5, 6, 7], prices: [50, 51, 60, 70] }
  expect(joined(shown, zoomed)).toEqual({ times: [1, 5, 5, 6, 7, 9], prices: [10, 50, 51, 60, 70, 90] })
  expect(joined(shown, undefined)).toBe(shown)
})
