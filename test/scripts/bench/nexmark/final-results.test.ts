import { describe, expect, test } from 'vitest'
import { eventAt } from '../../../../scripts/bench/nexmark/events.ts'
import { FinalResults } from '../../../../scripts/bench/nexmark/final-results.ts'
import type { QueryName } from '../../../../scripts/bench/nexmark/queries/queries.ts'

const range = { events: 50 }
const endMs = eventAt(49).value.dateTime

type Result = readonly [key: number, value: object | null]

const resultsOf = (query: QueryName, ...results: readonly Result[]) => {
  const final = new FinalResults(query, range)
  for (const [key, value] of results) final.add(key, value)
  return final
}

describe('the final results of a query', () => {
  test('are what was expected, in any order', () => {
    const expected = resultsOf('q0', [1, { price: 1 }], [2, { price: 2 }], [2, { price: 2 }])
    resultsOf('q0', [2, { price: 2 }], [1, { price: 1 }], [2, { price: 2 }]).check(expected)
  })

  test.each<[string, Result[], string]>([
    ['is missing', [], '1 of 1 results are wrong: 1: {"price":1} is there 0 times, not 1'],
    [
      'is there twice',
      [
        [1, { price: 1 }],
        [1, { price: 1 }],
      ],
      '1: {"price":1} is there 2 times, not 1',
    ],
    ['is another', [[1, { price: 2 }]], '1: {"price":2} should not be there'],
    [
      'has another key',
      [
        [1, { price: 1 }],
        [2, { price: 1 }],
      ],
      '2: {"price":1} should not be there',
    ],
  ])('are wrong where one %s', (_, results, message) => {
    expect(() => resultsOf('q0', ...results).check(resultsOf('q0', [1, { price: 1 }]))).toThrow(message)
  })

  test('are the last ones of their keys where results replace each other', () => {
    const expected = resultsOf('q3', [1, { id: 1 }])
    resultsOf('q3', [1, { id: 7 }], [2, { id: 2 }], [1, { id: 1 }], [2, null]).check(expected)
    expect(() => resultsOf('q3', [1, { id: 1 }], [1, { id: 7 }]).check(expected)).toThrow('results are wrong')
  })

  test('are without the windows that are open when the events end', () => {
    const closed = { windowEndMs: endMs }
    resultsOf('q7', [1, closed], [2, { windowEndMs: endMs + 1 }]).check(resultsOf('q7', [1, closed]))
    expect(resultsOf('q7', [1, closed]).size).toBe(1)
  })
})
