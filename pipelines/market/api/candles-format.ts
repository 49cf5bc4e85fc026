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

/** In s since the epoch. */
interface Stretch {
  readonly from: number
  to: number
}

/**
 * `{interval, series, exchange}`: for each symbol what a chart draws, in columns, and in which stretches of time that is what the
 * exchange tells. `interval` in seconds.
 */
export function candleColumns(candles: readonly CandleAnswer[], interval: number) {
  const series = new Map<string, CandleColumns>()
  const exchange = new Map<string, Stretch[]>()
  for (const { symbol, window_start, open, high, low, close, total_volume, source } of candles) {
    let columns = series.get(symbol)
    if (!columns) {
      columns = { times: [], open: [], high: [], low: [], close: [], volume: [] }
      series.set(symbol, columns)
    }
    const from = Date.parse(window_start) / 1000
    if (source === 'exchange') {
      const stretches = exchange.get(symbol) ?? []
      exchange.set(symbol, stretches)
      const last = stretches.at(-1)
      // A minute without a trade is one of its, too.
      if (last && last.to > (columns.times.at(-1) ?? 0)) last.to = from + interval
      else stretches.push({ from, to: from + interval })
    }
    columns.times.push(from)
    columns.open.push(open)
    columns.high.push(high)
    columns.low.push(low)
    columns.close.push(close)
    columns.volume.push(total_volume)
  }
  return { interval, series: Object.fromEntries(series), exchange: Object.fromEntries(exchange) }
}
