import { expect, test } from 'vitest'
import { productCatalogue } from '../../../../pipelines/market/coinbase/product-catalogue.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { World } from '../../../../src/testing/simulation/world.ts'

const eth = { product: 'ETH-EUR', symbol: 'ETH', quote: 'EUR', tick: null, name: 'ETH-EUR' }
const btc = { product: 'BTC-USD', symbol: 'BTC', quote: 'USD', tick: null, name: 'BTC-USD' }

/** A catalogue of two products, of an exchange that answers like this, one answer after the other. */
function catalogueOf(...answers: (() => Response)[]) {
  const world = new World(1)
  const { clock } = world.machine('asking')
  const asked: string[] = []
  const products = productCatalogue({
    products: ['ETH-EUR', 'BTC-USD'],
    restUrl: 'http://exchange/',
    clock,
    logger: silentLogger,
    fetch: async (url) => {
      const answer = answers[asked.length]
      asked.push(String(url))
      if (!answer) throw new TypeError('fetch failed')
      return answer()
    },
  })
  const afterMs = async (ms: number) => {
    await world.ended(clock.sleep(ms), ms + 1)
    return products()
  }
  return { products, afterMs, asked }
}

test('knows what the exchange says of the products, in their order, and asks no more', async () => {
  const { products, afterMs, asked } = catalogueOf(() =>
    Response.json([
      { id: 'BTC-USD', quote_increment: '0.01', display_name: 'BTC/USD' },
      { id: 'OLD-USD', quote_increment: '0.1' },
      { id: 'ETH-EUR', quote_increment: '0.001' },
    ]),
  )
  expect(products()).toEqual([eth, btc])
  expect(await afterMs(100)).toEqual([
    { ...eth, tick: 0.001 },
    { ...btc, tick: 0.01, name: 'BTC/USD' },
  ])
  await afterMs(60_000)
  expect(asked).toEqual(['http://exchange/products'])
})

test.each<[string, () => Response]>([
  ['is out of order', () => new Response('no', { status: 500 })],
  ['answers with something else', () => Response.json({ message: 'NotFound' })],
  ['answers with no JSON', () => new Response('<html>')],
  ['says nothing that is a step', () => Response.json([{ id: 'BTC-USD', quote_increment: '-1' }, null])],
])('asks again later, and not before somebody wants to know, when the exchange %s', async (_, answer) => {
  const { products, afterMs, asked } = catalogueOf(answer, () =>
    Response.json([{ id: 'BTC-USD', quote_increment: '0.01' }]),
  )
  products()
  expect(await afterMs(20_000)).toEqual([eth, btc])
  expect(asked).toHaveLength(1)
  await afterMs(10_000)
  expect(await afterMs(100)).toEqual([eth, { ...btc, tick: 0.01 }])
  expect(asked).toHaveLength(2)
})
