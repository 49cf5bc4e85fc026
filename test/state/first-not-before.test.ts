import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstNotBefore } from '../../src/state/first-not-before.ts'

test('finds what a look at each item in turn would find', () => {
  const isBefore = (item: number, place: number) => item < place
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20 })),
      fc.integer({ min: -1, max: 21 }),
      (numbers, place) => {
        const items = numbers.toSorted((a, b) => a - b)
        const first = items.findIndex((item) => item >= place)
        expect(firstNotBefore(items, place, isBefore)).toBe(first < 0 ? items.length : first)
      },
    ),
  )
})
