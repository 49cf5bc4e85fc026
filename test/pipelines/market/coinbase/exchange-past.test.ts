import { expect, test } from 'vitest'
import { ExchangePast } from '../../../../pipelines/market/coinbase/exchange-past.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { World } from '../../../../src/testing/simulation/world.ts'

const dayMinutes = 1_440

/** The past of products of an exchange that answers like this, and what it was asked for, with the second of each. */
function pastOf(products: readonly string[], answer: (url: URL) => Response | Promise<Response>) {
  const world = new World(1)
  const { clock } = world.machine('asking')
  const asked: { second: number; url: URL }[] = []
  const past = new ExchangePast({
    products,
    restUrl: 'http://exchange/',
    clock,
    logger: silentLogger,
    fetch: async (input) => {
      const url = new URL(String(input))
      asked.push({ second: clock.now() / 1000, url })
      return answer(url)
    },
  })
  const load = () => world.ended(past.load(), 3_600_000)
  return { past, load, asked, clock }
}

/** A candle for each minute asked for, newest first. */
function everyMinute({ searchParams }: URL): Response {
  const [startMs, endMs] = ['start', 'end'].map((name) => Date.parse(searchParams.get(name) ?? ''))
  const rows: number[][] = []
  for (let ms = endMs!; ms >= startMs!; ms -= 60_000) rows.push([ms / 1000, 1, 4, 2, 3, 5])
  return Response.json(rows)
}

test('asks for a day, each minute once, the newest of all products first, two requests a second', async () => {
  const { past, load, asked, clock } = pastOf(['BTC-USD', 'ETH-USD'], everyMinute)
  const startedMs = Math.floor(clock.now() / 60_000) * 60_000
  await load()
  for (const symbol of ['BTC', 'ETH']) {
    const minutes = past.minutesOf(symbol)
    expect(minutes.map(({ startMs }) => startMs)).toEqual(
      Array.from({ length: dayMinutes }, (_, i) => startedMs - (dayMinutes - i) * 60_000),
    )
    expect(minutes[0]).toMatchObject({ low: 1, high: 4, open: 2, close: 3, volume: 5 })
  }
  expect(asked.slice(0, 2).map(({ url }) => url.pathname)).toEqual([
    '/products/BTC-USD/candles',
    '/products/ETH-USD/candles',
  ])
  expect(asked).toHaveLength(20)
  expect(asked.at(-1)!.second - asked[0]!.second).toBeGreaterThanOrEqual(9)
})

test('is content without what the exchange refuses, and gives up what does not come', async () => {
  const { past, load, asked } = pastOf(['NONE-USD', 'BROKEN-USD', 'ODD-USD', 'BTC-USD'], (url) => {
    if (url.pathname.includes('NONE')) return new Response(null, { status: 404 })
    if (url.pathname.includes('BROKEN')) throw new TypeError('fetch failed')
    return url.pathname.includes('ODD') ? Response.json([[1, 2], 'x', [1, -1, 1, 1, 1, 1]]) : everyMinute(url)
  })
  await load()
  expect([...past.symbols]).toEqual(['ODD', 'BTC'])
  expect(past.minutesOf('ODD')).toEqual([])
  expect(past.minutesOf('BTC')).toHaveLength(dayMinutes)
  const times = (name: string) => asked.filter(({ url }) => url.pathname.includes(name)).length
  expect([times('NONE'), times('BROKEN')]).toEqual([1, 3])
})

test('ends when it is closed', async () => {
  const { past, load, asked } = pastOf(['BTC-USD'], (url) => {
    past.close()
    return everyMinute(url)
  })
  await load()
  expect(asked.length).toBeLessThanOrEqual(1)
})
