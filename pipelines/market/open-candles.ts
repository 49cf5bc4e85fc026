import type { Running } from 'rivulet'
import type { OpenCandle } from './api/candles.ts'
import { type CandleState, candleStore, minuteCandle } from './candle.ts'
import { isoOfMilliseconds } from './iso-time.ts'

/** The minutes that are still open, and those that are not in the table yet. */
export function openCandles(running: Running): OpenCandle[] {
  const candles: OpenCandle[] = []
  for (const store of running.windowStores<string, CandleState>(candleStore)) {
    for (const { windowed, value } of store.all()) {
      const { open, close, min_price, max_price, vwap, avg_price, total_volume, tick_count } =
        minuteCandle(value)
      candles.push({
        symbol: windowed.key,
        window_start: isoOfMilliseconds(windowed.startMs),
        window_end: isoOfMilliseconds(windowed.endMs),
        open,
        high: max_price,
        low: min_price,
        close,
        vwap,
        avg_price,
        total_volume,
        tick_count,
      })
    }
  }
  return candles
}
