import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { stockInstruments } from '../../../../pipelines/market/synthetic/instrument.ts'
import { stockTrades } from '../../../../pipelines/market/synthetic/stock-trades.ts'
import { SyntheticTape } from '../../../../pipelines/market/synthetic/synthetic-tape.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { createClock, systemClock } from '../../../../src/clock.ts'
import { tape } from '../support/json-tape.ts'
import { range, SourceProbe, until } from '../support/source-probe.ts'

/** A clock that the test moves; what sleeps is woken when its time has come. */
function manualClock(startMs: number) {
  const scheduler = new VirtualTimeScheduler(undefined, 0)
  let nowMs = startMs
  const clock = createClock(scheduler)
  return {
    clock: {
      ...clock,
      now: () => nowMs,
      sleep: async (ms: number, signal?: AbortSignal) => {
        const untilMs = nowMs + ms
        while (nowMs < untilMs) {
          signal?.throwIfAborted()
          await systemClock.sleep(1)
        }
      },
    },
    advance: (ms: number) => {
      nowMs += ms
    },
  }
}

const startMs = Date.parse('2026-07-07T22:58:16.156Z')

interface Run {
  readonly tape?: readonly Trade[]
  readonly fromMs?: number
  readonly backfillTradesMax?: number
}

/** The ids that the market has come to, by symbol. */
function idsAt(seed: number, timeMs: number): Map<string, number> {
  return new Map(
    stockInstruments.map((each) => [each.product, new SyntheticTape(each, seed).lastIdAt(timeMs)]),
  )
}

function newestIds(trades: readonly Trade[]): Map<string, number> {
  return new Map(trades.map(({ symbol, tradeId }) => [symbol, tradeId]))
}

/** Runs the market until `toMs` has come out whole. */
async function record(
  seed: number,
  toMs: number,
  { tape: before = [], fromMs = startMs, ...options }: Run = {},
) {
  const { clock, advance } = manualClock(fromMs)
  const probe = new SourceProbe({ clock, tape: before }).start(stockTrades({ seed, tape, ...options }))
  await until(() => probe.states.includes('live'))
  while (clock.now() < toMs) {
    advance(Math.min(60_000, toMs - clock.now()))
    const expected = idsAt(seed, clock.now())
    await until(() =>
      stockInstruments.every(({ product }) => probe.ids(product).at(-1) === expected.get(product)),
    )
  }
  probe.stop()
  return probe
}

const minute = 60_000

describe('stockTrades', () => {
  test('gives the same market for the same seed, and another for another', async () => {
    const [one, same, other] = await Promise.all([
      record(7, startMs + minute),
      record(7, startMs + minute),
      record(8, startMs + minute),
    ])
    expect(one.trades.length).toBeGreaterThan(200)
    expect(same.trades).toEqual(one.trades)
    expect(other.trades.map(({ price }) => price)).not.toEqual(one.trades.map(({ price }) => price))
  })

  test('gives the trades of all symbols in the order of time, without a hole', async () => {
    const { trades } = await record(7, startMs + 2 * minute)
    expect([...new Set(trades.map(({ symbol }) => symbol))].sort()).toEqual([
      'AAPL',
      'AMZN',
      'GOOGL',
      'META',
      'MSFT',
    ])
    expect(trades.map(({ time }) => time)).toEqual(trades.map(({ time }) => time).sort())
    for (const product of ['AAPL', 'MSFT']) {
      const of = trades.filter((trade) => trade.product === product).map(({ tradeId }) => tradeId)
      expect(of).toEqual(range(of[0] ?? 0, of.at(-1) ?? 0))
    }
  })

  test('goes on after a restart where the tape ends, with what happened in between', async () => {
    const whole = await record(7, startMs + 4 * minute)
    const before = await record(7, startMs + minute)
    const after = await record(7, startMs + 4 * minute, { tape: before.trades, fromMs: startMs + 3 * minute })
    expect([...before.trades, ...after.trades]).toEqual(whole.trades)
    expect(after.counters.backfilled).toBeGreaterThan(300)
    expect(after.counters.gaps).toBe(0)
  })

  test('counts what a long absence left out', async () => {
    const nowMs = startMs + 60 * minute
    const before = await record(7, startMs + minute)
    const after = await record(7, 0, {
      tape: before.trades,
      fromMs: startMs + 60 * 60_000,
      backfillTradesMax: 100,
    })
    const missed = [...idsAt(7, nowMs)].map(
      ([symbol, id]) => id - (newestIds(before.trades).get(symbol) ?? 0),
    )
    expect(after.trades).toHaveLength(500)
    expect(newestIds(after.trades)).toEqual(idsAt(7, nowMs))
    expect(after.counters.gaps).toBe(missed.reduce((sum, each) => sum + each, 0) - 500)
  })

  test('emits nothing while downstream is full', async () => {
    const { clock, advance } = manualClock(startMs)
    const probe = new SourceProbe({ clock })
    let trades = 0
    const subscription = stockTrades({ seed: 1 })(probe.context).subscribe(() => {
      expect(probe.paused$.value).toBe(false)
      trades++
      probe.paused$.next(true)
      setImmediate(() => probe.paused$.next(false))
    })
    await until(() => probe.states.includes('live'))
    advance(minute)
    await until(() => trades > 250)
    subscription.unsubscribe()
    expect(probe.states.at(-1)).toBe('stopped')
  })
})
