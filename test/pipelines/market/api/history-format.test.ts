import fc from 'fast-check'
import { expect, test } from 'vitest'
import { historyColumns, historyRows } from '../../../../pipelines/market/api/history-format.ts'

const rows = fc
  .array(
    fc.record({
      symbol: fc.constantFrom('A', 'B', '<"\\>'),
      us: fc.nat(20),
      price: fc.double({ noNaN: true, min: 1e-9, max: 1e9 }),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.sort((a, b) => a.us - b.us))

const historyOf = (list: readonly { symbol: string; us: number; price: number }[]) => ({
  symbols: list.map(({ symbol }) => symbol),
  timestampsUs: list.map(({ us }) => 1_769_882_400_000_000 + us),
  prices: list.map(({ price }) => price),
  cursor: new Map([[0, 9]]),
})

test('keeps every trade in its column, in its order, at its time', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const { timestamps, series } = JSON.parse(historyColumns(historyOf(list)))
      expect(timestamps).toEqual([...timestamps].sort((a, b) => a - b))
      for (const symbol of new Set(list.map((row) => row.symbol))) {
        const own = list.filter((row) => row.symbol === symbol)
        const column: (number | null)[] = series[symbol]
        expect(column).toHaveLength(timestamps.length)
        const filled = column.flatMap((price, i) => (price === null ? [] : [[timestamps[i], price]]))
        expect(filled).toEqual(own.map(({ us, price }) => [(1_769_882_400_000_000 + us) / 1e6, price]))
      }
    }),
  )
})

test('puts trades of one time into one row, and two of one symbol into two', () => {
  const at = (symbol: string, us: number, price: number) => ({ symbol, us, price })
  expect(JSON.parse(historyColumns(historyOf([at('A', 0, 1), at('B', 0, 2), at('A', 0, 3)])))).toEqual({
    cursor: '0-9',
    timestamps: [1_769_882_400, 1_769_882_400],
    series: { A: [1, 3], B: [2, null] },
  })
})

test('writes rows as JSON would, with the microseconds', () => {
  fc.assert(
    fc.property(rows, (list) => {
      expect(JSON.parse(historyRows(historyOf(list)))).toEqual(
        list.map(({ symbol, us, price }) => ({
          timestamp: `2026-01-31T18:00:00.${String(us).padStart(6, '0')}Z`,
          symbol,
          price,
        })),
      )
    }),
  )
})
