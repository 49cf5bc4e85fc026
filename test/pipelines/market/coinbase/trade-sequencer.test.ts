import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TradeSequencer } from '../../../../pipelines/market/coinbase/trade-sequencer.ts'
import { range } from '../support/source-probe.ts'

const trade = (tradeId: number) => ({ tradeId })

function sequencer(lastId?: number, heldTradesMax = 100) {
  return new TradeSequencer<{ tradeId: number }>({ lastId, heldTradesMax })
}

function taken(of: TradeSequencer<{ tradeId: number }>): number[] {
  const ids: number[] = []
  for (let next = of.take(); next; next = of.take()) ids.push(next.tradeId)
  return ids
}

describe('TradeSequencer', () => {
  test('begins an empty tape with the first trade that comes', () => {
    const tape = sequencer()
    tape.offer(trade(7))
    tape.offer(trade(8))
    expect(taken(tape)).toEqual([7, 8])
    expect(tape.offer(trade(6))).toBe('duplicate')
  })

  test('goes on behind the end of the tape', () => {
    const tape = sequencer(10)
    expect(tape.offer(trade(10))).toBe('duplicate')
    expect(tape.offer(trade(11))).toBe('accepted')
    expect(taken(tape)).toEqual([11])
  })

  test('holds newer trades back until the gap is filled', () => {
    const tape = sequencer(10)
    tape.offer(trade(13))
    tape.offer(trade(14))
    expect(taken(tape)).toEqual([])
    expect(tape.gap).toEqual({ fromId: 11, toId: 12 })
    tape.fill(trade(12))
    expect(tape.gap).toEqual({ fromId: 11, toId: 11 })
    tape.fill(trade(11))
    expect(tape.gap).toBeUndefined()
    expect(taken(tape)).toEqual([11, 12, 13, 14])
    expect(tape.gap).toBeUndefined()
  })

  test('knows a gap at the end from an announced id', () => {
    const tape = sequencer(10)
    tape.announce(10)
    expect(tape.gap).toBeUndefined()
    tape.announce(12)
    expect(tape.gap).toEqual({ fromId: 11, toId: 12 })
  })

  test('owes an empty tape nothing that was only announced', () => {
    const tape = sequencer()
    tape.announce(12)
    expect(tape.gap).toBeUndefined()
    tape.offer(trade(13))
    expect(taken(tape)).toEqual([13])
    expect(tape.gap).toBeUndefined()
  })

  test('does not keep more than its bound, and shows what it dropped as a gap', () => {
    const tape = sequencer(0, 2)
    expect([3, 4, 5, 6].map((id) => tape.offer(trade(id)))).toEqual(['accepted', 'accepted', 'full', 'full'])
    expect(tape.heldTrades).toBe(2)
    tape.fill(trade(1))
    tape.fill(trade(2))
    expect(taken(tape)).toEqual([1, 2, 3, 4])
    expect(tape.gap).toEqual({ fromId: 5, toId: 6 })
  })

  test('takes the next trade even when it is full', () => {
    const tape = sequencer(0, 1)
    tape.offer(trade(2))
    expect(tape.offer(trade(1))).toBe('accepted')
    expect(taken(tape)).toEqual([1, 2])
  })

  test('gives up only what is missing', () => {
    const tape = sequencer(0)
    tape.offer(trade(5))
    expect(tape.abandonBefore(3)).toBe(2)
    expect(tape.gap).toEqual({ fromId: 3, toId: 4 })
    expect(tape.abandonBefore(100)).toBe(2)
    expect(taken(tape)).toEqual([5])
    expect(tape.abandonBefore(100)).toBe(0)
  })

  test('takes back what the exchange never had', () => {
    const tape = sequencer(0)
    tape.offer(trade(2))
    tape.offer(trade(900))
    tape.announce(1_000)
    expect(tape.refuteAfter(3)).toEqual([trade(900)])
    tape.fill(trade(1))
    expect(taken(tape)).toEqual([1, 2])
    expect(tape.gap).toEqual({ fromId: 3, toId: 3 })
  })

  test('lets a lower trade begin a tape of which nothing was taken yet', () => {
    const tape = sequencer()
    tape.begin(900)
    tape.announce(900)
    tape.offer(trade(4))
    expect(taken(tape)).toEqual([4])
  })

  test('gives each trade once and in order, however trades are dropped, doubled, reordered and restarted', () => {
    const arrivals = fc.array(fc.record({ id: fc.integer({ min: 1, max: 40 }), restart: fc.boolean() }), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 8 }), (messages, heldTradesMax) => {
        let tape = sequencer(0, heldTradesMax)
        const ids: number[] = []
        for (const { id, restart } of messages) {
          tape.offer(trade(id))
          expect(tape.heldTrades).toBeLessThanOrEqual(heldTradesMax + 1)
          ids.push(...taken(tape))
          if (restart) tape = sequencer(ids.length, heldTradesMax)
        }
        tape.announce(40)
        for (let gap = tape.gap; gap; gap = tape.gap) {
          for (const id of range(gap.fromId, gap.toId).reverse()) tape.fill(trade(id))
          ids.push(...taken(tape))
        }
        ids.push(...taken(tape))
        expect(ids).toEqual(range(1, 40))
      }),
    )
  })
})
