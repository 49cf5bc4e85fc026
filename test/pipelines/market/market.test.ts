import { describe, expect, test } from 'vitest'
import { crypto, market } from '../../../pipelines/crypto.ts'
import type { MinuteCandle, StockTick } from '../../../pipelines/market/tables.ts'
import { stockTicks } from '../../../pipelines/market/tick.ts'
import type { Trade } from '../../../pipelines/market/trade.ts'
import { stocks } from '../../../pipelines/stocks.ts'
import { describeAsText } from '../../../src/stream/describe.ts'
import { marbles } from '../../../src/testing/index.ts'

const startMs = Date.UTC(2026, 0, 31, 18, 41)

function trade(tradeId: number, second: number, price: number, size = 1, symbol = 'BTC'): Trade {
  const timestampMs = startMs + second * 1000
  const time = new Date(timestampMs).toISOString().replace('Z', '000Z')
  return { product: `${symbol}-USD`, symbol, tradeId, price, size, time, timestampMs, takerSide: 'buy' }
}

function tick({ symbol, price, size, time, tradeId, takerSide }: Trade): StockTick {
  return {
    symbol,
    price,
    volume: size,
    timestamp: time,
    trade_id: tradeId,
    side: takerSide,
    exchange: 'coinbase',
  }
}

function candleOf(...trades: readonly Trade[]): MinuteCandle {
  const [prices, sizes] = [trades.map(({ price }) => price), trades.map(({ size }) => size)]
  const volume = sizes.reduce((sum, size) => sum + size, 0)
  return {
    open: prices[0] as number,
    close: prices.at(-1) as number,
    min_price: Math.min(...prices),
    max_price: Math.max(...prices),
    vwap: trades.reduce((sum, { price, size }) => sum + price * size, 0) / volume,
    avg_price: prices.reduce((sum, price) => sum + price, 0) / prices.length,
    total_volume: volume,
    tick_count: trades.length,
  }
}

describe('the pipeline of a market, from its source to its sinks', () => {
  const a = trade(1, 0, 100, 2)
  const b = trade(2, 59, 110)
  const c = trade(3, 64, 120)
  const d = trade(4, 65, 130)

  test('writes each trade to the topic under its symbol, at the time of the exchange', () => {
    marbles(({ hot, drive, expectObservable }) => {
      const { topic } = drive(market('crypto', 'coinbase', hot('-a-b|', { a, b })))
      const record = (of: Trade, offset: number) => ({
        key: 'BTC',
        value: tick(of),
        timestampMs: of.timestampMs,
        offset,
      })
      expectObservable(topic(stockTicks)).toBe('-a-b|', { a: record(a, 0), b: record(b, 1) })
    })
  })

  test('gives the ticks to ClickHouse once a second', () => {
    marbles(({ hot, drive, expectObservable }) => {
      const trades = hot('-a-b 2s c|', { a, b, c })
      const { sink } = drive(market('crypto', 'coinbase', trades))
      expectObservable(sink<StockTick>('ticks to ClickHouse')).toBe('1001ms x 1003ms (y|)', {
        x: [tick(a), tick(b)],
        y: [tick(c)],
      })
    })
  })

  test("gives a minute's candle when a trade is 5 s behind its end, not before", () => {
    marbles(({ hot, drive, expectObservable }) => {
      const { sink } = drive(market('crypto', 'coinbase', hot('abc 9s d 2s |', { a, b, c, d })))
      expectObservable(sink<MinuteCandle>('candles to ClickHouse')).toBe('9003ms 1000ms x 1000ms |', {
        x: [candleOf(a, b)],
      })
    })
  })

  test('opens and closes a candle by the time of the trades, and by id where that is equal', () => {
    const [first, middle, last] = [trade(10, 1, 5), trade(11, 2, 6), trade(12, 2, 7)]
    marbles(({ hot, drive, expectObservable }) => {
      const { sink } = drive(
        market('crypto', 'coinbase', hot('mlfd 2s |', { m: middle, l: last, f: first, d })),
      )
      expectObservable(sink<MinuteCandle>('candles to ClickHouse')).toBe('1003ms x 1000ms |', {
        x: [{ ...candleOf(first, middle, last), open: 5, close: 7 }],
      })
    })
  })

  test('leaves a late trade out of the candles, counts it, and keeps it among the ticks', () => {
    const late = trade(5, 30, 1)
    marbles(({ hot, drive, expectObservable, flush }) => {
      const { sink, driver } = drive(market('crypto', 'coinbase', hot('adl 2s |', { a, d, l: late })))
      expectObservable(sink<StockTick>('ticks to ClickHouse')).toBe('1s x 1002ms |', {
        x: [tick(a), tick(d), tick(late)],
      })
      expectObservable(sink<MinuteCandle>('candles to ClickHouse')).toBe('1001ms x 1001ms |', {
        x: [candleOf(a)],
      })
      flush()
      expect(driver.dropped).toBe(1)
    })
  })
})

describe.each([
  ['crypto', crypto, 'coinbase  [source]'],
  ['stocks', stocks, 'synthetic  [source]'],
] as const)('the program %s', (name, program, source) => {
  test('can be looked at without being run', () => {
    const text = describeAsText(program.describe())
    expect(text).toMatch(new RegExp(`^Topology ${name}\n`))
    expect(text).toContain(source)
    expect(text).toContain('candle → closed candles')
  })
})
