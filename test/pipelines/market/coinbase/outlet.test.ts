import { describe, expect, test } from 'vitest'
import { type Outflow, Outlet } from '../../../../pipelines/market/coinbase/outlet.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
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
  const a = new FakeTape('A')
  const b = new FakeTape('B')
  const outlet = new Outlet([a, b], silentLogger)
  const emitted: [product: string, timeMs: number][] = []
  const release = (tape: Outflow) => {
    for (let trade = outlet.take(tape); trade; trade = outlet.take(tape)) {
      emitted.push([trade.product, trade.timestampMs])
    }
  }
  const check = (times: number) => {
    for (let i = 0; i < times; i++) outlet.check()
  }
  return { outlet, emitted, a, b, release, check }
}

describe('Outlet', () => {
  test('lets each product go on its own while nothing was missed', () => {
    const { outlet, emitted, a, b, release } = setup()
    outlet.connected()
    b.isBehind = true
    a.add(9)
    release(a)
    expect(emitted).toEqual([['A', 9]])
  })

  test('lets out what was missed in the order of time', () => {
    const { outlet, emitted, a, b, release } = setup()
    a.isBehind = true
    b.isBehind = true
    outlet.connected()
    a.add(1, 3, 5)
    release(a)
    expect(emitted).toEqual([])
    b.add(2, 4)
    release(b)
    expect(emitted).toEqual([
      ['A', 1],
      ['B', 2],
      ['A', 3],
      ['B', 4],
    ])
    b.isBehind = false
    release(b)
    expect(emitted.at(-1)).toEqual(['A', 5])
  })

  test('lets each go on its own again once all have caught up', () => {
    const { outlet, emitted, a, b, release } = setup()
    a.isBehind = true
    outlet.connected()
    a.isBehind = false
    release(a)
    b.isBehind = true
    a.add(7)
    release(a)
    expect(emitted).toEqual([['A', 7]])
  })

  test('does not wait for longer than a few seconds for a product that does not come', () => {
    const { outlet, emitted, a, b, release, check } = setup()
    b.isBehind = true
    outlet.connected()
    a.add(1)
    release(a)
    check(4)
    release(a)
    expect(emitted).toEqual([])
    check(1)
    release(a)
    expect(emitted).toEqual([['A', 1]])
  })

  test('waits for the next connection to say what was missed, however long that takes', () => {
    const { outlet, emitted, a, b, release, check } = setup()
    b.isBehind = true
    outlet.connected()
    a.add(1)
    outlet.disconnected()
    check(60)
    release(a)
    expect(emitted).toEqual([])
    outlet.connected()
    check(5)
    release(a)
    expect(emitted).toEqual([['A', 1]])
  })

  test('keeps everything while downstream is full, and does not count that as a stall', () => {
    const { outlet, emitted, a, b, release, check } = setup()
    b.isBehind = true
    outlet.connected()
    outlet.setPaused(true)
    a.add(1)
    release(a)
    check(60)
    outlet.setPaused(false)
    release(a)
    expect(emitted).toEqual([])
    b.isBehind = false
    release(b)
    expect(emitted).toEqual([['A', 1]])
  })
})
