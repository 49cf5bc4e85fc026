import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

interface Stretch {
  readonly from: number
  readonly to: number
}

const { silencesOf } = await pageModule<{
  silencesOf: (
    each: readonly (readonly number[])[],
    options: { begin: number; end: number; secondsMin: number },
  ) => Stretch[]
}>('pauses.js')

const silences = (...each: readonly number[][]) => silencesOf(each, { begin: 0, end: 100, secondsMin: 10 })

test('a silence is where no symbol was traded for long', () => {
  expect(silences([0, 5, 40, 95])).toEqual([
    { from: 5, to: 40 },
    { from: 40, to: 95 },
  ])
  expect(silences([0, 5, 40, 95], [0, 20, 35, 60, 100])).toEqual([
    { from: 5, to: 20 },
    { from: 20, to: 35 },
    { from: 40, to: 60 },
    { from: 60, to: 95 },
  ])
  expect(silences([0, 50, 95], [5, 10, 15, 20, 25, 30, 35, 40, 45, 55, 60, 65, 70, 75, 80, 85, 90])).toEqual(
    [],
  )
})

test('a silence lasts until now, and is none before the first trade in sight', () => {
  expect(silences([-500, 70], [60])).toEqual([
    { from: 60, to: 70 },
    { from: 70, to: 100 },
  ])
  expect(silences([-500])).toEqual([])
  expect(silences()).toEqual([])
})
