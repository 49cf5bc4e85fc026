import type { StockTick } from '../../pipelines/market/tables.ts'

interface Candle {
  open: number
  close: number
  high: number
  low: number
  volume: number
  notional: number
  ticks: number
}

const [minuteMs, graceMs] = [60_000, 5_000]

/** One-minute candles in a Map, as one would write them: a restart loses those that are open. */
export class CandlesByHand {
  readonly #open = new Map<string, Candle>()
  #closed: object[] = []
  #streamTimeMs = 0

  add({ symbol, price, volume, timestamp }: StockTick): void {
    const timestampMs = Date.parse(timestamp)
    const startMs = timestampMs - (timestampMs % minuteMs)
    const key = `${symbol}@${startMs}`
    const candle = this.#open.get(key)
    if (candle) {
      candle.close = price
      candle.high = Math.max(candle.high, price)
      candle.low = Math.min(candle.low, price)
      candle.volume += volume
      candle.notional += price * volume
      candle.ticks++
    } else {
      const prices = { open: price, close: price, high: price, low: price }
      this.#open.set(key, { ...prices, volume, notional: price * volume, ticks: 1 })
    }
    if (startMs <= this.#streamTimeMs) return
    this.#streamTimeMs = startMs
    this.#close(timestampMs)
  }

  /** Those that have closed since the last call, as rows. */
  takeClosed(): readonly object[] {
    const closed = this.#closed
    this.#closed = []
    return closed
  }

  #close(timestampMs: number): void {
    for (const [key, candle] of this.#open) {
      const startMs = Number(key.slice(key.indexOf('@') + 1))
      if (startMs + minuteMs + graceMs > timestampMs) continue
      this.#open.delete(key)
      this.#closed.push({ symbol: key.slice(0, key.indexOf('@')), window_start: startMs, ...candle })
    }
  }
}
