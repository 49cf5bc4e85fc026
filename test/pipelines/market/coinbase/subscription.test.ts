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
})
