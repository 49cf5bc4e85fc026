import { expect, test } from 'vitest'
import { candles } from '../../../../pipelines/market/api/candles.ts'
import type { Candle } from '../../../../pipelines/market/api/market-queries.ts'
import { FakeMarketQueries, isoOfUs } from '../../../support/fake-market-queries.ts'

/** 2026-01-31T18:00:00Z */
const hourMs = 1_769_882_400_000
const minuteMs = 60_000

function trade(minute: number, price: number, volume = 1) {
  return { symbol: 'BTC', price, volume, timestampUs: (hourMs + minute * minuteMs) * 1000 }
}

/** The candle of one minute, made by the fake of its trades alone. */
async function minuteOf(...trades: readonly ReturnType<typeof trade>[]): Promise<Candle> {
  const [candle] = await new FakeMarketQueries()
    .add(...trades)
    .candles({ symbols: null, sinceMs: null, untilMs: null, intervalSeconds: 60 })
  return candle!
}

const question = { symbols: null, sinceMs: null, untilMs: null, nowMs: hourMs + 10 * minuteMs }

test('gives the minutes of the table as final and the open ones as not', async () => {
  const open = await minuteOf(trade(1, 20))
  const answer = await candles(new FakeMarketQueries().add(trade(0, 10)), () => [open], {
    ...question,
    intervalSeconds: 60,
  })
  expect(answer.map(({ window_start, close, final }) => [window_start, close, final])).toEqual([
    [isoOfUs(hourMs * 1000), 10, true],
    [isoOfUs((hourMs + minuteMs) * 1000), 20, false],
  ])
})

test('counts a minute once that closes while it is asked for, and then as final', async () => {
  const stillOpen = await minuteOf(trade(1, 20))
  const queries = new FakeMarketQueries().add(trade(0, 10), trade(1, 20))
  const minutes = await candles(queries, () => [stillOpen], { ...question, intervalSeconds: 60 })
  expect(minutes.map(({ tick_count, final }) => [tick_count, final])).toEqual([
    [1, true],
    [1, true],
  ])
  const [hour] = await candles(queries, () => [stillOpen], { ...question, intervalSeconds: 3600 })
  expect(hour).toMatchObject({ tick_count: 2, open: 10, close: 20 })
})

test('merges closed and open minutes to the interval as if all were of the table', async () => {
  const trades = [trade(0, 10, 2), trade(1, 30, 1), trade(1.5, 5, 4), trade(2, 20, 3), trade(6, 8, 1)]
  const open = [await minuteOf(trades[3]!), await minuteOf(trades[4]!)]
  const split = await candles(new FakeMarketQueries().add(...trades.slice(0, 3)), () => open, {
    ...question,
    intervalSeconds: 300,
  })
  const whole = await new FakeMarketQueries()
    .add(...trades)
    .candles({ symbols: null, sinceMs: null, untilMs: null, intervalSeconds: 300 })
  expect(split.map(({ final, ...candle }) => candle)).toEqual(
    whole.map((candle) => ({
      ...candle,
      vwap: expect.closeTo(candle.vwap, 9),
      avg_price: expect.closeTo(candle.avg_price, 9),
    })),
  )
  expect(split.map(({ final }) => final)).toEqual([false, false])
})

test('takes a longer candle for final a minute after its end, when none of its minutes is open', async () => {
  const queries = new FakeMarketQueries().add(trade(0, 10))
  const finalAt = async (nowMs: number) => {
    const [candle] = await candles(queries, () => [], { ...question, intervalSeconds: 300, nowMs })
    return candle!.final
  }
  expect(await finalAt(hourMs + 5.9 * minuteMs)).toBe(false)
  expect(await finalAt(hourMs + 6 * minuteMs)).toBe(true)
})

test('leaves out open minutes of other symbols, and of before and behind the time asked for', async () => {
  const open = [
    await minuteOf(trade(0, 10)),
    await minuteOf(trade(3, 10)),
    { ...(await minuteOf(trade(2, 10))), symbol: 'ETH' },
  ]
  const answer = await candles(new FakeMarketQueries(), () => open, {
    symbols: ['BTC'],
    sinceMs: hourMs + minuteMs,
    untilMs: hourMs + 3 * minuteMs,
    intervalSeconds: 60,
    nowMs: hourMs,
  })
  expect(answer).toEqual([])
})
