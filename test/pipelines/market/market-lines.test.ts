import { expect, test } from 'vitest'
import { newestPrices } from '../../../pipelines/market/market-lines.ts'

test('the newest price of each symbol is that of its latest minute', () => {
  const candles = [
    { symbol: 'ETH', window_start: '2026-01-31T12:00:00.000Z', close: 2_643.29 },
    { symbol: 'BTC', window_start: '2026-01-31T12:01:00.000Z', close: 71_418.5 },
    { symbol: 'BTC', window_start: '2026-01-31T12:00:00.000Z', close: 70_000 },
    { symbol: 'DOGE', window_start: '2026-01-31T12:00:00.000Z', close: 0.101_914_7 },
  ]
  expect(newestPrices(candles)).toEqual(['BTC 71,418.5', 'DOGE 0.1019147', 'ETH 2,643.29'])
})
