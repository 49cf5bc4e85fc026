import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualTimeScheduler } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Exchange, startExchange } from '../../../../pipelines/market/exchange-server/exchange.ts'
import type { Market } from '../../../../pipelines/market/exchange-server/market.ts'
import { replayedMarket } from '../../../../pipelines/market/exchange-server/replayed-market.ts'
import { simulatedMarket } from '../../../../pipelines/market/exchange-server/simulated-market.ts'
import { type Clock, createClock, systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { ScriptedMarket } from '../support/scripted-market.ts'
import { range, until } from '../support/source-probe.ts'

const BTC = 'BTC-USD'
const ETH = 'ETH-USD'
const channels = ['ticker', 'matches', 'heartbeat']

interface Frame {
  readonly type?: string
  readonly product_id?: string
  readonly trade_id?: number
  readonly last_trade_id?: number
  readonly reason?: string
  readonly channels?: { name: string; product_ids: string[] }[]
}

describe('the local exchange', () => {
  const exchanges: Exchange[] = []
  const sockets: WebSocket[] = []

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    for (const exchange of exchanges.splice(0)) await exchange.close()
  })

  async function serve(market: Market, clock: Clock = systemClock): Promise<Exchange> {
    const exchange = await startExchange({ market, clock, logger: silentLogger })
    exchanges.push(exchange)
    return exchange
  }

  async function connect({ wsUrl }: Exchange) {
    const socket = new WebSocket(wsUrl)
    sockets.push(socket)
    const texts: string[] = []
    socket.on('message', (data) => texts.push(String(data)))
    await once(socket, 'open')
    const send = (type: string, products: readonly string[], names: readonly unknown[] = channels) =>
      socket.send(JSON.stringify({ type, product_ids: products, channels: names }))
    const frames = (type: string): Frame[] =>
      texts.filter((text) => text.includes(`"type":"${type}"`)).map((text) => JSON.parse(text))
    return { socket, texts, send, frames }
  }

  test('disconnects who does not subscribe within 5 s, and nobody else', async () => {
    const scheduler = new VirtualTimeScheduler(undefined, 5_001)
    const exchange = await serve(new ScriptedMarket([BTC]), createClock(scheduler))
    const idle = await connect(exchange)
    const subscribed = await connect(exchange)
    subscribed.send('subscribe', [BTC])
    await until(() => subscribed.frames('subscriptions').length === 1)
    const closed = once(idle.socket, 'close')
    scheduler.flush()
    expect((await closed)[0]).toBe(1008)
    expect(subscribed.socket.readyState).toBe(WebSocket.OPEN)
    await until(() => subscribed.frames('heartbeat').length === 5)
  })

  test('acknowledges, repeats the last trade, and sends matches and tickers of what is subscribed', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    market.trade(BTC, 1, { fromId: 7, silently: true })
    const { send, frames } = await connect(await serve(market))
    send('subscribe', [BTC])
    await until(() => frames('ticker').length === 1)
    expect(frames('subscriptions')[0]?.channels?.map(({ name, product_ids }) => [name, product_ids])).toEqual(
      channels.map((name) => [name, [BTC]]),
    )
    expect(frames('last_match').map(({ trade_id }) => trade_id)).toEqual([7])
    market.trade(ETH)
    market.trade(BTC)
    await until(() => frames('ticker').length === 2)
    expect(frames('match').map(({ product_id, trade_id }) => [product_id, trade_id])).toEqual([[BTC, 8]])
    send('unsubscribe', [BTC], ['ticker'])
    await until(() => frames('subscriptions').length === 2)
    market.trade(BTC)
    await until(() => frames('match').length === 2)
    expect(frames('ticker')).toHaveLength(2)
  })

  test('acknowledges no heartbeats that a market does not have', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    market.withoutHeartbeats.add(BTC)
    const { send, frames } = await connect(await serve(market))
    send('subscribe', [BTC], ['heartbeat'])
    await until(() => frames('subscriptions').length === 1)
    expect(frames('subscriptions')[0]?.channels).toEqual([])
    send('subscribe', [BTC, ETH])
    await until(() => frames('subscriptions').length === 2)
    expect(frames('subscriptions')[1]?.channels).toContainEqual(
      expect.objectContaining({ name: 'heartbeat', product_ids: [ETH] }),
    )
  })

  test('reports an unknown product, and subscribes to the others', async () => {
    const { send, frames } = await connect(await serve(new ScriptedMarket([BTC])))
    send('subscribe', ['YFI-USD', BTC])
    await until(() => frames('subscriptions').length === 1)
    expect(frames('error').map(({ reason }) => reason)).toEqual(['YFI-USD is not a valid product'])
    send('nonsense', [BTC])
    await until(() => frames('error').length === 2)
  })

  test('serves trades newest first, with cursors', async () => {
    const market = new ScriptedMarket([BTC])
    market.trade(BTC, 20, { silently: true })
    const { restUrl } = await serve(market)
    const get = async (query: string) => {
      const response = await fetch(`${restUrl}/products/${BTC}/trades?${query}`)
      const rows = (await response.json()) as { trade_id: number }[]
      return { ids: rows.map(({ trade_id }) => trade_id), headers: response.headers }
    }
    const newest = await get('limit=3')
    expect(newest.ids).toEqual([20, 19, 18])
    expect([newest.headers.get('cb-before'), newest.headers.get('cb-after')]).toEqual(['20', '18'])
    expect((await get('limit=3&after=18')).ids).toEqual([17, 16, 15])
    expect((await get('before=18')).ids).toEqual([20, 19])
    expect((await fetch(`${restUrl}/products/NO-USD/trades`)).status).toBe(404)
    expect((await fetch(`${restUrl}/products/${BTC}/trades?limit=x`)).status).toBe(400)
  })

  test('says of its products how finely their prices are told', async () => {
    const { restUrl } = await serve(
      simulatedMarket({ seed: 7, products: [BTC, 'DOGE-USD'], clock: systemClock }),
    )
    expect(await (await fetch(`${restUrl}/products`)).json()).toMatchObject([
      { id: BTC, base_currency: 'BTC', quote_currency: 'USD', quote_increment: '0.01' },
      { id: 'DOGE-USD', quote_increment: '0.00001' },
    ])
  })

  test('answers 429 beyond 10 requests a second', async () => {
    const { restUrl } = await serve(new ScriptedMarket([BTC]))
    const answers = await Promise.all(range(1, 40).map(() => fetch(`${restUrl}/products/${BTC}/trades`)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(10)
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(15)
  })

  test('refuses a port in use', async () => {
    const { wsUrl } = await serve(new ScriptedMarket([BTC]))
    const port = Number(new URL(wsUrl).port)
    const second = startExchange({
      market: new ScriptedMarket([BTC]),
      clock: systemClock,
      logger: silentLogger,
      port,
    })
    await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })
})

describe('the simulated market', () => {
  const atMs = Date.parse('2026-07-07T22:58:16.156Z')
  const marketAt = (nowMs: number, seed = 1) => {
    const clock = { ...systemClock, now: () => nowMs }
    return simulatedMarket({ seed, clock })
  }

  test('is the same after a restart: what has happened has happened, and ids go on', () => {
    const before = marketAt(atMs)
    const after = marketAt(atMs + 90_000)
    const last = before.lastTrade(BTC)?.tradeId ?? 0
    expect(last).toBeGreaterThan(0)
    expect(after.trades(BTC, { beforeId: last + 1, limit: 500 })).toEqual(before.trades(BTC, { limit: 500 }))
    const missed = after.trades(BTC, { afterId: last, limit: 1000 }).map(({ tradeId }) => tradeId)
    expect(missed.reverse()).toEqual(range(last + 1, after.lastTrade(BTC)?.tradeId ?? 0))
    expect(missed.length).toBeGreaterThan(200)
    expect(marketAt(atMs, 2).lastTrade(BTC)).not.toEqual(before.lastTrade(BTC))
  })

  test('trades at a plausible rate, at prices that move by ticks', () => {
    const market = marketAt(atMs)
    const trades = market.trades(BTC, { limit: 1000 }).toReversed()
    const prices = trades.map(({ price }) => Number(price))
    for (const [i, price] of prices.entries()) {
      expect(Math.abs(price / (prices[i - 1] ?? price) - 1)).toBeLessThan(0.01)
    }
    expect(new Set(prices).size).toBeGreaterThan(100)
    const perSecond = market.products
      .map((product) => market.trades(product, { limit: 100 }))
      .map(
        (page) =>
          page.length / ((Date.parse(page[0]?.time ?? '') - Date.parse(page.at(-1)?.time ?? '')) / 1000),
      )
      .reduce((sum, rate) => sum + rate, 0)
    expect(perSecond).toBeGreaterThan(5)
    expect(perSecond).toBeLessThan(25)
  })

  test('has candles that its trades say', () => {
    const market = marketAt(atMs)
    const endMs = Math.floor(atMs / 60_000) * 60_000
    const [row] = market.candles(BTC, {
      granularityMs: 60_000,
      startMs: endMs - 60_000,
      endMs: endMs - 60_000,
    })
    const trades = market
      .trades(BTC, { limit: 1000 })
      .filter(({ time }) => Date.parse(time) >= endMs - 60_000 && Date.parse(time) < endMs)
      .reverse()
    const prices = trades.map(({ price }) => Number(price))
    expect(row?.slice(0, 5)).toEqual([
      endMs / 1000 - 60,
      Math.min(...prices),
      Math.max(...prices),
      prices[0],
      prices.at(-1),
    ])
    expect(row?.[5]).toBeCloseTo(trades.reduce((sum, { size }) => sum + Number(size), 0))
    expect(
      market.candles(BTC, { granularityMs: 3_600_000, startMs: atMs - 86_400_000, endMs: atMs }),
    ).toHaveLength(24)
  })

  test('sends each trade as a match when its time has come, and a ticker for the last of a cascade', async () => {
    const market = simulatedMarket({ seed: 1, clock: systemClock })
    const stop = new AbortController()
    const ids: number[] = []
    const tickers: number[] = []
    for await (const { data, product } of market.frames({ clock: systemClock, signal: stop.signal })) {
      if (product !== BTC) continue
      const { type, trade_id, time } = JSON.parse(String(data))
      expect(Date.parse(time)).toBeLessThanOrEqual(systemClock.now())
      if (type === 'match') ids.push(trade_id)
      else tickers.push(trade_id)
      if (ids.length === 10) break
    }
    expect(ids).toEqual(range(ids[0] ?? 0, ids.at(-1) ?? 0))
    expect(ids).toEqual(expect.arrayContaining(tickers))
  })
})

describe('the replayed market', () => {
  let folder: string

  afterEach(() => rm(folder, { recursive: true }))

  async function record(...lines: (string | Buffer)[]): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'rivulet-replay-'))
    const file = join(folder, 'recording.jsonl')
    await writeFile(
      file,
      Buffer.concat(lines.map((line) => Buffer.concat([Buffer.from(line), Buffer.from('\n')]))),
    )
    return file
  }

  const match = (id: number, second: number, type = 'match') =>
    JSON.stringify({
      type,
      trade_id: id,
      side: 'buy',
      size: '0.10',
      price: `${100 + id}.50`,
      product_id: BTC,
      time: `2026-07-07T22:00:${String(second).padStart(2, '0')}.000001Z`,
    })

  async function replay(market: Market, clock: Clock = systemClock): Promise<string[]> {
    const texts: string[] = []
    for await (const { data } of market.frames({ clock, signal: new AbortController().signal })) {
      texts.push(data.toString('latin1'))
    }
    return texts
  }

  test('sends every line as it is, malformed ones too, but for acknowledgements', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x7d])
    const lines = [match(1, 0), 'no { JSON', '{"type": "match", "price": "x"}', bytes, match(2, 1)]
    const market = await replayedMarket({
      file: await record('{"type":"subscriptions","channels":[]}', ...lines),
      speed: Number.POSITIVE_INFINITY,
    })
    expect(market.products).toEqual([BTC])
    expect(market.progress()).toEqual({ done: 0, of: 6 })
    expect(await replay(market)).toEqual(
      lines.map((line) => (typeof line === 'string' ? line : line.toString('latin1'))),
    )
    expect(market.progress()).toEqual({ done: 6, of: 6 })
    market.close()
  })

  test('keeps the recorded pace, times the speed, and does not wait for what was old', async () => {
    const file = await record(match(1, 50, 'last_match'), match(2, 0), match(3, 10), match(4, 30))
    const waitedMs: number[] = []
    let nowMs = 0
    const clock: Clock = {
      ...systemClock,
      now: () => nowMs,
      sleep: async (ms) => {
        waitedMs.push(ms)
        nowMs += ms
      },
    }
    const market = await replayedMarket({ file, speed: 10 })
    await replay(market, clock)
    expect(waitedMs).toEqual([1_000, 2_000])
    market.close()
  })

  test('serves the trades that have happened so far, with their numbers as they were written', async () => {
    const file = await record(match(5, 0), match(7, 2), match(6, 1), match(5, 0), match(8, 99))
    const market = await replayedMarket({ file, speed: 0 })
    expect(market.lastTrade(BTC)).toBeUndefined()
    expect(market.trades(BTC, { limit: 10 })).toEqual([])
    const happened: (number | undefined)[] = []
    for await (const _ of market.frames({ clock: systemClock, signal: new AbortController().signal })) {
      happened.push(market.lastTrade(BTC)?.tradeId)
    }
    expect(happened).toEqual([5, 7, 7, 7, 7])
    const trades = market.trades(BTC, { limit: 10 })
    expect(trades.map(({ tradeId, price, size, makerSide }) => [tradeId, price, size, makerSide])).toEqual([
      [7, '107.50', '0.10', 'buy'],
      [6, '106.50', '0.10', 'buy'],
      [5, '105.50', '0.10', 'buy'],
    ])
    expect(market.trades(BTC, { beforeId: 7, limit: 1 }).map(({ tradeId }) => tradeId)).toEqual([6])
    const startMs = Date.parse('2026-07-07T22:00:00Z')
    const [row, ...more] = market.candles(BTC, { granularityMs: 60_000, startMs, endMs: startMs + 60_000 })
    expect(row?.slice(0, 5)).toEqual([startMs / 1000, 105.5, 107.5, 105.5, 107.5])
    expect(more).toEqual([])
    market.close()
  })

  test('has the heartbeats of those products that the recording has any of', async () => {
    const heartbeat = JSON.stringify({ type: 'heartbeat', product_id: BTC, last_trade_id: 1 })
    const market = await replayedMarket({ file: await record(match(1, 0), heartbeat) })
    expect([BTC, ETH].map((product) => market.hasHeartbeats(product))).toEqual([true, false])
    market.close()
  })

  test('refuses a file that is not there, or has no trade in it', async () => {
    const file = await record('{"type":"heartbeat"}')
    await expect(replayedMarket({ file })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
    await expect(replayedMarket({ file: `${file}.not` })).rejects.toThrow(
      /recording .* can't be replayed: ENOENT/,
    )
    await expect(replayedMarket({ file, speed: -1 })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  })
})
