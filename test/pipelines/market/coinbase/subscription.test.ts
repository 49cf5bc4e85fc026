import { describe, expect, test } from 'vitest'
import type { Message } from '../../../../pipelines/market/coinbase/message.ts'
import { CoinbaseSubscription, channelNames } from '../../../../pipelines/market/coinbase/subscription.ts'
import { silentLogger } from '../../../../src/logger.ts'

function subscribe(...products: string[]) {
  const asked: string[][] = []
  const rejected: string[] = []
  const subscription = new CoinbaseSubscription({
    products,
    logger: silentLogger,
    send: (text) => asked.push(JSON.parse(text).product_ids),
  })
  const receive = (message: Message) => rejected.push(...subscription.receive(message))
  const acknowledge = (...acknowledged: string[]) =>
    receive({
      type: 'subscriptions',
      channels: channelNames.map((name) => ({ name, products: acknowledged })),
    })
  const check = (times: number, beating: readonly string[] = []) => {
    for (let i = 0; i < times; i++) {
      for (const product of beating) receive({ type: 'heartbeat', product, lastTradeId: 0, timestampMs: 0 })
      subscription.check()
    }
  }
  return { receive, asked, rejected, acknowledge, check }
}

describe('CoinbaseSubscription', () => {
  test('asks for all products at once, and not again when they are acknowledged', () => {
    const { asked, acknowledge, check } = subscribe('A-USD', 'B-USD')
    acknowledge('A-USD', 'B-USD')
    check(100)
    expect(asked).toEqual([['A-USD', 'B-USD']])
  })

  test('asks again for what was left out, ever more rarely', () => {
    const { asked, acknowledge, check } = subscribe('A-USD', 'B-USD')
    acknowledge('B-USD')
    check(100)
    expect(asked.slice(0, 3)).toEqual([['A-USD', 'B-USD'], ['A-USD'], ['A-USD']])
    expect(asked.length).toBeLessThan(10)
  })

  test('asks within the 5 s that the exchange allows when one product made it reject all', () => {
    const { receive, asked, rejected, check } = subscribe('A-USD', 'BA-USD')
    receive({ type: 'error', text: 'Failed to subscribe: BA-USD is delisted' })
    check(4)
    expect(rejected).toEqual(['BA-USD'])
    expect(asked[1]).toEqual(['A-USD'])
  })

  test('asks again for a product whose heartbeats stopped, while the others go on', () => {
    const { asked, acknowledge, check } = subscribe('A-USD', 'B-USD')
    acknowledge('A-USD', 'B-USD')
    check(5, ['A-USD', 'B-USD'])
    check(9, ['B-USD'])
    expect(asked).toHaveLength(1)
    check(5, ['B-USD'])
    expect(asked[1]).toEqual(['A-USD'])
  })

  test('leaves a quiet product alone that never had heartbeats', () => {
    const { asked, acknowledge, check } = subscribe('A-USD', 'B-USD')
    acknowledge('A-USD', 'B-USD')
    check(60, ['A-USD'])
    expect(asked).toHaveLength(1)
  })

  describe('where the exchange refuses all for one product, and does not say for which', () => {
    const unnamed: Message = { type: 'error', text: 'Failed to subscribe: Invalid product ID provided' }

    /** Checks for so long an exchange that answers at once. */
    function subscribeAt(known: (product: string) => boolean, checks: number, ...products: string[]) {
      const { receive, asked, rejected, acknowledge, check } = subscribe(...products)
      const subscribed = new Set<string>()
      let answered = 0
      const asksAfter: number[] = []
      for (let i = 0; i <= checks; i++) {
        for (; answered < asked.length; answered++) {
          const ask = asked[answered] ?? []
          if (ask.every(known)) {
            for (const product of ask) subscribed.add(product)
            acknowledge(...subscribed)
          } else receive(unnamed)
        }
        asksAfter.push(asked.length)
        check(1, [...subscribed])
      }
      return { asked, rejected, subscribed: [...subscribed].toSorted(), asksAfter }
    }

    test('finds it by asking for halves, and has the others at once', () => {
      const { subscribed } = subscribeAt(
        (product) => product !== 'X-USD',
        0,
        'A-USD',
        'B-USD',
        'X-USD',
        'C-USD',
      )
      expect(subscribed).toEqual(['A-USD', 'B-USD', 'C-USD'])
    })

    test('rejects it when it was refused alone again and again, and never asks for it then', () => {
      const { rejected, asked, asksAfter } = subscribeAt(
        (product) => product !== 'X-USD',
        200,
        'A-USD',
        'X-USD',
      )
      expect(rejected).toEqual(['X-USD'])
      expect(asked.at(-1)).toEqual(['X-USD'])
      expect(asksAfter.at(-1)).toBe(asksAfter[30])
    })

    test('finds several among a hundred, never asking more than once a check after the first ten', () => {
      const products = Array.from({ length: 100 }, (_, i) => `P${i}-USD`)
      const unknown = new Set(['P0-USD', 'P1-USD', 'P50-USD', 'P99-USD'])
      const { rejected, subscribed, asksAfter } = subscribeAt((each) => !unknown.has(each), 200, ...products)
      expect(rejected.toSorted()).toEqual([...unknown].toSorted())
      expect(subscribed).toHaveLength(96)
      for (const [check, asks] of asksAfter.entries()) expect(asks).toBeLessThanOrEqual(10 + check)
    })

    test('does not reject a product for one error that is about something else', () => {
      const { receive, asked, rejected, acknowledge, check } = subscribe('A-USD')
      receive({ type: 'error', text: 'rate limit exceeded' })
      check(5)
      acknowledge('A-USD')
      expect(rejected).toEqual([])
      expect(asked.length).toBeGreaterThan(1)
    })
  })
})
