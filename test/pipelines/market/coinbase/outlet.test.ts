import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { type Outflow, Outlet } from '../../../../pipelines/market/coinbase/outlet.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { createClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'

class FakeTape implements Outflow {
  readonly trades: Trade[] = []
  isBehind = false
  readonly #product: string

  constructor(product: string) {
    this.#product = product
  }

  get head(): Trade | undefined {
    return this.trades[0]
  }

  take(): Trade | undefined {
    return this.trades.shift()
  }

  add(...timesMs: number[]): void {
    for (const timestampMs of timesMs) {
      const product = this.#product
      this.trades.push({
        product,
        symbol: product,
        tradeId: 1,
        price: 1,
        size: 1,
        time: '',
        timestampMs,
        takerSide: 'buy',
      })
    }
  }
}

function setup() {
  const scheduler = new VirtualTimeScheduler()
  const emitted: [product: string, timeMs: number][] = []
  const outlet = new Outlet({
    clock: createClock(scheduler),
    logger: silentLogger,
    emit: ({ product, timestampMs }) => emitted.push([product, timestampMs]),
  })
  const a = new FakeTape('A')
  const b = new FakeTape('B')
  outlet.add(a)
  outlet.add(b)
  const pass = (ms: number) => {
    scheduler.maxFrames = scheduler.frame + ms
    scheduler.flush()
    scheduler.frame = scheduler.maxFrames
  }
  return { outlet, emitted, a, b, pass }
}

describe('Outlet', () => {
  test('lets each product go on its own while nothing was missed', () => {
    const { outlet, emitted, a, b } = setup()
    outlet.connected()
    b.isBehind = true
    a.add(9)
    outlet.release(a)
    expect(emitted).toEqual([['A', 9]])
  })

  test('lets out what was missed in the order of time', () => {
    const { outlet, emitted, a, b } = setup()
    a.isBehind = true
    b.isBehind = true
    outlet.connected()
    a.add(1, 3, 5)
    outlet.release(a)
    expect(emitted).toEqual([])
    b.add(2, 4)
    outlet.release(b)
    expect(emitted).toEqual([
      ['A', 1],
      ['B', 2],
      ['A', 3],
      ['B', 4],
    ])
    b.isBehind = false
    outlet.release(b)
    expect(emitted.at(-1)).toEqual(['A', 5])
  })

  test('lets each go on its own again once all have caught up', () => {
    const { outlet, emitted, a, b } = setup()
    a.isBehind = true
    outlet.connected()
    a.isBehind = false
    outlet.release(a)
    b.isBehind = true
    a.add(7)
    outlet.release(a)
    expect(emitted).toEqual([['A', 7]])
  })

  test('does not wait for longer than a few seconds for a product that does not come', () => {
    const { outlet, emitted, a, b, pass } = setup()
    b.isBehind = true
    outlet.connected()
    a.add(1)
    outlet.release(a)
    pass(4_000)
    expect(emitted).toEqual([])
    pass(2_000)
    expect(emitted).toEqual([['A', 1]])
  })

  test('keeps everything while downstream is full, and does not count that as a stall', () => {
    const { outlet, emitted, a, b, pass } = setup()
    b.isBehind = true
    outlet.connected()
    outlet.setPaused(true)
    a.add(1)
    outlet.release(a)
    pass(60_000)
    outlet.setPaused(false)
    expect(emitted).toEqual([])
    b.isBehind = false
    outlet.release(b)
    expect(emitted).toEqual([['A', 1]])
  })

  test('tells those who wait that something moved', () => {
    const { outlet, a } = setup()
    let moves = 0
    outlet.moved.subscribe(() => moves++)
    outlet.setPaused(true)
    a.add(1)
    outlet.release(a)
    expect(moves).toBe(0)
    outlet.setPaused(false)
    expect(moves).toBe(1)
  })
})
