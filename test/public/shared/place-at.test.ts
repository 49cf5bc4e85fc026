import { expect, test } from 'vitest'
import { pageModule } from '../../support/page-module.ts'

const { placeAt } = await pageModule<{
  placeAt: (times: readonly number[], values: readonly (number | null)[], time: number) => number | null
}>('shared/place-at.js')

test('takes the last value at or before a time, where another line has one and this has none the one before', () => {
  expect([0, 1, 2, 9].map((time) => placeAt([1, 2, 3], [5, null, 6], time))).toEqual([null, 0, 0, 2])
})
