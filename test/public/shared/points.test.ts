import { expect, test } from 'vitest'
import { pageModule } from '../../support/page-module.ts'

type Line = readonly (number | null)[]

interface Format {
  readonly formatTime: (time: number) => string
  readonly formatValue: (value: number) => string
  readonly nothing: string
}

interface View {
  readonly min: number
  readonly max: number
}

const { rowsOf, rowsMax, sentenceOf } = await pageModule<{
  rowsMax: number
  rowsOf: (data: readonly [readonly number[], ...Line[]], view: View) => { time: number; values: Line }[]
  sentenceOf: (
    name: string,
    line: { times: readonly number[]; values: Line; lows?: Line; highs?: Line },
    view: View,
    format: Format,
  ) => string
}>('shared/points.js')

const format: Format = {
  formatTime: (time) => `0:0${time}`,
  formatValue: (value) => `${value}.00`,
  nothing: 'no trades',
}

test('says first, last, lowest and highest of what is in sight', () => {
  const [times, values] = [
    [1, 2, 3, 4, 5],
    [90, 5, null, 7, 6],
  ]
  expect(sentenceOf('BTC', { times, values }, { min: 2, max: 5 }, format)).toBe(
    'BTC: first 5.00 at 0:02, last 6.00 at 0:05, lowest 5.00 at 0:02, highest 7.00 at 0:04.',
  )
  expect(sentenceOf('BTC', { times, values }, { min: 3, max: 3 }, format)).toBe(
    'BTC: no trades from 0:03 to 0:03.',
  )
  const candles = { times, values, lows: [80, 4, null, 3, 6], highs: [95, 8, null, 9, 6] }
  expect(sentenceOf('BTC', candles, { min: 2, max: 5 }, format)).toBe(
    'BTC: first 5.00 at 0:02, last 6.00 at 0:05, lowest 3.00 at 0:04, highest 9.00 at 0:04.',
  )
})

test('gives rows of what stands at each point in sight, the newest first, and not too many', () => {
  const times = [1, 2, 3, 4]
  expect(rowsOf([times, [10, null, 30, 40], [null, 2, null, 4]], { min: 1, max: 3 })).toEqual([
    { time: 3, values: [30, 2] },
    { time: 2, values: [10, 2] },
    { time: 1, values: [10, null] },
  ])
  const many = Array.from({ length: 500 }, (_, i) => i)
  const rows = rowsOf([many, many], { min: 0, max: 400 })
  expect(rows).toHaveLength(rowsMax)
  expect(rows[0]).toEqual({ time: 400, values: [400] })
})
