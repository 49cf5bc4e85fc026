import { existsSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { coinbaseTrades } from '../../../../pipelines/crypto.ts'
import { type Exchange, startExchange } from '../../../../pipelines/market/exchange-server/exchange.ts'
import { replayedMarket } from '../../../../pipelines/market/exchange-server/replayed-market.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { SourceProbe, until } from '../support/source-probe.ts'

const recordings = ['btc-eth-matches-2026-07-07.jsonl', 'ticker-matches-2021-04-17.jsonl']

describe('the recordings, replayed over the socket', () => {
  let exchange: Exchange | undefined
  let probe: SourceProbe | undefined

  afterEach(async () => {
    probe?.stop()
    await exchange?.close()
  })

  for (const name of recordings) {
    test(`gives every trade of ${name} once, in order`, async (test) => {
      const file = `../shared/coinbase/${name}`
      if (!existsSync(file)) test.skip(`${file} is not there`)
      const recorded = tradesOf(file)
      const market = await replayedMarket({ file, speed: Number.POSITIVE_INFINITY })
      exchange = await startExchange({ market, clock: systemClock, logger: silentLogger })
      const { wsUrl, restUrl, products } = exchange
      const running = new SourceProbe().start(
        coinbaseTrades({ products, wsUrl, restUrl, sharedSymbols: true }),
      )
      probe = running
      await until(() => running.trades.length >= recorded.size)

      expect(running.error).toBeUndefined()
      expect(running.deadLetters).toEqual([])
      for (const product of products) {
        const ids = [...recorded.values()].filter((trade) => trade.product === product).map(({ id }) => id)
        expect(running.ids(product)).toEqual(ids.sort((a, b) => a - b))
      }
      for (const { product, tradeId, price, size, takerSide, time } of running.trades) {
        expect({ price, size, takerSide, time }).toEqual(recorded.get(`${product}/${tradeId}`)?.content)
      }
    })
  }
})

/** Read without any of the code under test. */
function tradesOf(file: string) {
  const trades = new Map<string, { product: string; id: number; content: object }>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const message = JSON.parse(line)
    if (message.trade_id === undefined) continue
    const ticker = message.type === 'ticker'
    trades.set(`${message.product_id}/${message.trade_id}`, {
      product: message.product_id,
      id: message.trade_id,
      content: {
        price: Number(message.price),
        size: Number(ticker ? message.last_size : message.size),
        takerSide: ticker ? message.side : message.side === 'buy' ? 'sell' : 'buy',
        time: message.time,
      },
    })
  }
  return trades
}
