import type { CandleAnswer } from './past-candles.ts'

interface CandleColumns {
  /** When the candles' windows begin, s since the epoch. */
  readonly times: number[]
  readonly open: number[]
  readonly high: number[]
  readonly low: number[]
  readonly close: number[]
  readonly volume: number[]
}

/**
 * `{interval, series, exchange_until}`: for each symbol what a chart draws, in columns, and until when, s since the epoch, it is
 * what the exchange tells. `interval` in seconds.
 */
export function candleColumns(candles: readonly CandleAnswer[], interval: number) {
  const series = new Map<string, CandleColumns>()
  const exchangeUntil = new Map<string, number>()
  for (const { symbol, window_start, open, high, low, close, total_volume, source } of candles) {
    let columns = series.get(symbol)
    if (!columns) {
      columns = { times: [], open: [], high: [], low: [], close: [], volume: [] }
      series.set(symbol, columns)
    }
    columns.times.push(Date.parse(window_start) / 1000)
    columns.open.push(open)
    columns.high.push(high)
    columns.low.push(low)
    columns.close.push(close)
    columns.volume.push(total_volume)
    if (source === 'exchange') exchangeUntil.set(symbol, Date.parse(window_start) / 1000 + interval)
  }
  return { interval, series: Object.fromEntries(series), exchange_until: Object.fromEntries(exchangeUntil) }
}
