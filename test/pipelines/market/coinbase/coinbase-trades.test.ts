import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { coinbaseTrades } from '../../../../pipelines/crypto.ts'
import type { FeedOptions } from '../../../../pipelines/market/coinbase/feed.ts'
import type { OrderOptions } from '../../../../pipelines/market/coinbase/trades-in-order.ts'
import { type Exchange, startExchange } from '../../../../pipelines/market/exchange-server/exchange.ts'
import {
  type ExchangeFaults,
  noisyFrames,
  type RestFault,
} from '../../../../pipelines/market/exchange-server/faults.ts'
import { restTrade } from '../../../../pipelines/market/exchange-server/frames.ts'
import { seededRandom } from '../../../../pipelines/market/synthetic/random.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { systemClock } from '../../../../src/clock.ts'
import { type Logger, silentLogger } from '../../../../src/logger.ts'
import { tape } from '../support/json-tape.ts'
import { ScriptedMarket } from '../support/scripted-market.ts'
import { range, SourceProbe, until } from '../support/source-probe.ts'

const BTC = 'BTC-USD'
const ETH = 'ETH-USD'

const QUICK = { initialMs: 10, waitMsMax: 50 }

describe('coinbaseTrades', () => {
  const running: { stop(): void }[] = []
  let exchange: Exchange | undefined

  afterEach(async () => {
    for (const probe of running.splice(0)) probe.stop()
    await exchange?.close()
    exchange = undefined
  })

  async function serve(market: ScriptedMarket, faults: ExchangeFaults = {}, port = 0): Promise<Exchange> {
    exchange = await startExchange({ market, clock: systemClock, logger: silentLogger, faults, port })
    return exchange
  }

  function run(
    { wsUrl, restUrl, products }: Pick<Exchange, 'wsUrl' | 'restUrl' | 'products'>,
    {
      probe = new SourceProbe(),
      ...options
    }: Partial<FeedOptions & OrderOptions<string, Trade>> & { probe?: SourceProbe } = {},
  ): SourceProbe {
    const source = coinbaseTrades({
      products,
      wsUrl,
      restUrl,
      tape,
      graceMs: 20,
      reconnectPolicy: QUICK,
      restRetryPolicy: QUICK,
      ...options,
    })
    probe.start(source)
    running.push(probe)
    return probe
  }

  test('gives a trade once that came as last_match, ticker and match', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    market.trade(BTC, 1, { fromId: 100, silently: true })
    const probe = run(await serve(market))
    await until(() => probe.trades.length > 0)
    market.trade(BTC, 3)
    market.trade(ETH, 2)
    await until(() => probe.trades.length >= 6)
    expect(probe.ids(BTC)).toEqual([100, 101, 102, 103])
    expect(probe.ids(ETH)).toEqual([1, 2])
    // Each came by two channels, and the first also as what had been before: nothing of that is unexpected.
    market.trade(BTC, 1)
    await until(() => probe.trades.length >= 7)
    expect(probe.counters.duplicates).toBe(0)
    expect(probe.states).toEqual(['connecting', 'live'])
  })

  test('fetches what happened while it was disconnected, before it goes on', async () => {
    const market = new ScriptedMarket([BTC])
    const { dropClients, ...at } = await serve(market)
    market.trade(BTC, 1, { silently: true })
    const probe = run(at)
    await until(() => probe.trades.length === 1)
    for (let outage = 1; outage <= 3; outage++) {
      dropClients()
      market.trade(BTC, 2_500, { silently: true })
      await until(() => probe.trades.length === 1 + outage * 2_500)
    }
    expect(probe.ids(BTC)).toEqual(range(1, 7_501))
    expect(probe.states).toContain('waiting')
    expect(probe.counters.backfilled).toBeGreaterThan(7_000)
    expect(probe.counters.gaps ?? 0).toBe(0)
    await until(() => probe.gaps.length === 3 && probe.gaps.every(({ isRepaired }) => isRepaired))
    expect(probe.gaps[0]).toMatchObject({ part: BTC, from: '2' })
  })

  test('goes on after a restart where the topic ends', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    const at = await serve(market)
    market.trade(BTC, 1, { fromId: 50, silently: true })
    market.trade(ETH, 1, { fromId: 9, silently: true })
    const first = run(at)
    await until(() => first.trades.length === 2)
    first.stop()
    market.trade(BTC, 30, { silently: true })
    const second = run(at, { probe: new SourceProbe({ tape: first.trades }) })
    await until(() => second.trades.length >= 30)
    market.trade(ETH)
    await until(() => second.trades.length >= 31)
    expect(second.ids(BTC)).toEqual(range(51, 80))
    expect(second.ids(ETH)).toEqual([10])
  })

  test('finds by heartbeats that the newest trades of a product were lost', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 5, { silently: true })
    await until(() => probe.trades.length === 6)
    expect(probe.ids(BTC)).toEqual(range(1, 6))
  })

  test('lets out what several products missed in the order of time, however slowly one of them is fetched', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    market.trade(BTC, 400, { silently: true })
    market.trade(ETH, 300, { silently: true })
    const rest = (url: URL) => (url.pathname.includes(BTC) ? { delayMs: 300 } : undefined)
    const beginning = [BTC, ETH].map((product) => ({ ...asTrade(product), tradeId: 1 }))
    const probe = run(await serve(market, { rest }), { probe: new SourceProbe({ tape: beginning }) })
    market.trade(ETH, 1, { fromId: 301 })
    await until(() => probe.trades.length === 399 + 300)
    const timesMs = probe.trades.map(({ timestampMs }) => timestampMs)
    expect(timesMs).toEqual(timesMs.toSorted((a, b) => a - b))
  })

  test("does not hold up one product for another's gap", async () => {
    let answers = false
    const market = new ScriptedMarket([BTC, ETH])
    const rest = (url: URL) =>
      url.pathname.includes(BTC) && !answers ? { status: 500, body: 'no' } : undefined
    const probe = run(await serve(market, { rest }))
    market.trade(BTC)
    market.trade(ETH)
    await until(() => probe.trades.length === 2)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC)
    await until(() => probe.states.includes('recovering'))
    market.trade(ETH, 10)
    await until(() => probe.ids(ETH).length === 11)
    expect(probe.ids(BTC)).toEqual([1])
    answers = true
    await until(() => probe.ids(BTC).length === 3)
    expect(probe.states.slice(-2)).toEqual(['recovering', 'live'])
  })

  test('takes no trade of a time far ahead, which would close all windows, and fetches the true one', async () => {
    const market = new ScriptedMarket([BTC])
    const faults: ExchangeFaults = {
      frames: (frame) => {
        const message = JSON.parse(frame)
        if (message.trade_id !== 2) return [frame]
        return [JSON.stringify({ ...message, time: message.time.replace(/^\d{4}/, '2099') })]
      },
    }
    const probe = run(await serve(market, faults))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 2)
    await until(() => probe.trades.length === 3)
    expect(probe.ids(BTC)).toEqual(range(1, 3))
    expect(probe.trades.every(({ time }) => time < '2099')).toBe(true)
    expect(probe.deadLetters.map(({ place }) => place.trade_id)).toContain('2')
    expect(probe.deadLetters[0]?.reason).toMatch(/^time 2099.* far ahead/)
  })

  test('brings garbage to the dead letters, fetches the true trades and goes on', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market))
    market.trade(BTC, 1, { silently: true })
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 2, { silently: true })
    const garbage = [
      Buffer.from('{"type":"match","product_id":"BTC-USD","trade_id":3,"price":"NaN","size":"1"}'),
      Buffer.from([0xff, 0xfe, 0x00]),
      Buffer.from('no JSON'),
    ]
    for (const bytes of garbage) market.say(bytes)
    await until(() => probe.trades.length === 3)
    market.trade(BTC, 2)
    await until(() => probe.trades.length === 5)
    expect(probe.ids(BTC)).toEqual(range(1, 5))
    expect(probe.deadLetters.map(({ bytes }) => bytes)).toEqual(garbage)
    expect(probe.deadLetters[0]).toMatchObject({
      reason: 'price "NaN" is no finite positive number',
      place: { product: BTC, trade_id: '3', from: 'socket' },
    })
    expect(probe.states).not.toContain('waiting')
  })

  test('begins an empty tape with a trade that came garbled and is fetched', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market))
    await until(() => probe.states.includes('live'))
    market.say(Buffer.from('{"type":"match","product_id":"BTC-USD","trade_id":1,"price":"x","size":"1"}'))
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 2)
    expect(probe.ids(BTC)).toEqual([1, 2])
  })

  test('ends a connection that sends a huge frame, says so in a dead letter and connects again', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.say(Buffer.alloc(5 * 1024 * 1024, 0x20))
    await until(() => probe.states.includes('waiting'))
    market.trade(BTC)
    await until(() => probe.trades.length === 2)
    expect(probe.deadLetters.map(({ reason }) => reason)).toEqual(['a frame of more than 4194304 bytes'])
  })

  test('gives up a trade that REST gives in no better shape, once, and counts it as a gap', async () => {
    const market = new ScriptedMarket([BTC])
    const rest = (url: URL) => {
      const page = market.trades(BTC, { beforeId: Number(url.searchParams.get('after') ?? 1e9), limit: 1000 })
      return {
        body: JSON.stringify(
          page.map(({ tradeId, price, size, time, makerSide }) => ({
            trade_id: tradeId,
            price: tradeId === 2 ? '-1' : price,
            size,
            time,
            side: makerSide,
          })),
        ),
      }
    }
    const probe = run(await serve(market, { rest }))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 2, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 3)
    expect(probe.ids(BTC)).toEqual([1, 3, 4])
    expect(probe.counters.gaps).toBe(1)
    expect(probe.deadLetters).toHaveLength(1)
    expect(probe.deadLetters[0]?.place).toEqual({ from: 'rest', product: BTC, trade_id: '2' })
  })

  test('gives up trades that the exchange does not have, and no others', async () => {
    const market = new ScriptedMarket([BTC])
    for (const id of [3, 4, 7]) market.hidden.add(`${BTC}/${id}`)
    const probe = run(await serve(market))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 8, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 7)
    expect(probe.ids(BTC)).toEqual([1, 2, 5, 6, 8, 9, 10])
    expect(probe.counters.gaps).toBe(3)
  })

  test('asks REST again after errors, garbage and 429, and waits as long as it is told', async () => {
    const faults = [
      { status: 500, body: 'oops' },
      { status: 200, body: '<html>' },
      { status: 429, body: '{}', headers: { 'retry-after': '1' } },
      { status: 503, body: '' },
    ]
    const askedAtMs: number[] = []
    const market = new ScriptedMarket([BTC])
    const rest = () => {
      askedAtMs.push(systemClock.now())
      return faults.shift()
    }
    const probe = run(await serve(market, { rest }))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 3)
    expect(probe.ids(BTC)).toEqual([1, 2, 3])
    expect((askedAtMs[3] ?? 0) - (askedAtMs[2] ?? 0)).toBeGreaterThanOrEqual(990)
  })

  test.each([404, 400])('gives up nothing for a %i that passes', async (status) => {
    let asked = 0
    const market = new ScriptedMarket([BTC])
    const rest = () => (asked++ < 3 ? { status, body: '{"message":"NotFound"}' } : undefined)
    const probe = run(await serve(market, { rest }))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 500, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 502)
    expect(probe.ids(BTC)).toEqual(range(1, 502))
    expect(probe.counters.gaps).toBe(0)
  })

  test('gives up what is missing when REST goes on refusing, and says which trades that are', async () => {
    const lines: object[] = []
    const logger: Logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) })
    const market = new ScriptedMarket([BTC])
    const rest = () => ({ status: 404, body: '{"message":"NotFound"}' })
    const probe = run(await serve(market, { rest }), {
      probe: new SourceProbe({ logger }),
      restRefusedMsMax: 100,
    })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 500, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 2)
    expect(probe.ids(BTC)).toEqual([1, 502])
    expect(probe.counters.gaps).toBe(500)
    expect(lines).toContainEqual(expect.objectContaining({ product: BTC, trades: 500, fromId: 2, toId: 501 }))
  })

  test('waits for a REST node that does not know yet what the socket has shown', async () => {
    const market = new ScriptedMarket([BTC])
    let pages = 0
    // Pages come from the node that lags, the newest trade alone from another.
    const rest = (url: URL): RestFault | undefined => {
      if (!url.searchParams.has('after') || ++pages > 6) return undefined
      return { body: JSON.stringify(market.trades(BTC, { beforeId: 2, limit: 1 }).map(restTrade)) }
    }
    const probe = run(await serve(market, { rest }))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 500, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 502)
    expect(probe.ids(BTC)).toEqual(range(1, 502))
    expect(probe.counters.gaps).toBe(0)
  })

  test.each<[string, string, (market: ScriptedMarket) => RestFault, readonly number[]]>([
    ['never knows', 'refutes', () => ({ body: '[]' }), [1]],
    [
      'never shows',
      'gives up',
      (market) => ({ body: JSON.stringify(market.trades(BTC, { beforeId: 2, limit: 1 }).map(restTrade)) }),
      [1, 7],
    ],
  ])('of a REST API that %s what the socket has shown it %s that, in time', async (how, _, fault, ids) => {
    const market = new ScriptedMarket([BTC])
    const rest = (url: URL) =>
      how === 'never knows' || url.searchParams.has('after') ? fault(market) : undefined
    const probe = run(await serve(market, { rest }), { restLagMsMax: 500 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 5, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === ids.length && probe.deadLetters.length === 2 - ids.length)
    expect(probe.ids(BTC)).toEqual(ids)
  })

  test('gives up an answer that takes too long', async () => {
    let asked = 0
    const market = new ScriptedMarket([BTC])
    const rest = () => (asked++ < 2 ? { delayMs: 60_000 } : undefined)
    const probe = run(await serve(market, { rest }), { restTimeoutMs: 100 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 3)
    expect(asked).toBe(3)
  })

  test('fetches the newest trades of a gap that is too long, and counts the others', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market), { backfillTradesMax: 1_500 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 5_000, { silently: true })
    market.trade(BTC)
    await until(() => probe.trades.length === 1 + 1_500 + 1)
    expect(probe.ids(BTC)).toEqual([1, ...range(3_502, 5_002)])
    expect(probe.counters.gaps).toBe(3_500)
    const givenUp = probe.gaps.filter(({ reason }) => reason !== undefined)
    expect(givenUp).toMatchObject([{ part: BTC, records: 3_500, isRepaired: false }])
    expect(probe.counters.backfilled).toBe(1_500)
  })

  test('does not believe an id that is far beyond all that the exchange knows', async () => {
    const market = new ScriptedMarket([BTC])
    const probe = run(await serve(market))
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.say(
      '{"type":"match","product_id":"BTC-USD","trade_id":900000000000,"price":"1","size":"1","side":"buy","time":"2026-07-07T22:00:00Z"}',
    )
    market.say('{"type":"heartbeat","product_id":"BTC-USD","last_trade_id":900000000001}')
    await until(() => probe.deadLetters.length === 1)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC, 2)
    await until(() => probe.trades.length === 4)
    expect(probe.ids(BTC)).toEqual(range(1, 4))
    expect(probe.deadLetters[0]?.place.trade_id).toBe('900000000000')
    expect(probe.counters.gaps ?? 0).toBe(0)
  })

  test('holds back no more than its bound, and fetches what it let go', async () => {
    let answers = false
    const market = new ScriptedMarket([BTC])
    const rest = () => (answers ? undefined : { status: 500, body: '' })
    const probe = run(await serve(market, { rest }), { heldTradesMax: 10 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC, 500)
    await until(() => probe.states.includes('recovering'))
    answers = true
    await until(() => probe.trades.length === 502)
    expect(probe.ids(BTC)).toEqual(range(1, 502))
  })

  test('closes a socket that has gone silent, and connects again', async () => {
    let silent = false
    let connections = 0
    const market = new ScriptedMarket([BTC])
    const faults: ExchangeFaults = {
      frames: (frame) => (silent ? [] : [frame]),
      refusesConnection: () => {
        connections++
        silent = false
        return false
      },
    }
    const probe = run(await serve(market, faults), { silenceMsMax: 1_500 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    silent = true
    market.trade(BTC, 3)
    await until(() => probe.trades.length === 4)
    expect(connections).toBe(2)
    expect(probe.ids(BTC)).toEqual(range(1, 4))
  })

  test('does not restart for products without trades', async () => {
    let beats = 0
    let connections = 0
    const faults: ExchangeFaults = {
      frames: (frame) => {
        if (frame.includes('heartbeat')) beats++
        return [frame]
      },
      refusesConnection: () => {
        connections++
        return false
      },
    }
    const probe = run(await serve(new ScriptedMarket([BTC, ETH]), faults), { silenceMsMax: 1_500 })
    await until(() => beats >= 8)
    expect(connections).toBe(1)
    expect(probe.states).toEqual(['connecting', 'live'])
  })

  for (const rejectsWhole of [false, true]) {
    const how = rejectsWhole ? 'with all that was asked with it' : 'alone'
    test(`reports a product that is rejected ${how}, once, and goes on with the others`, async () => {
      const market = new ScriptedMarket([BTC, ETH])
      const rejects = (product: string) => (product === ETH ? `${ETH} is delisted` : undefined)
      const { dropClients, ...at } = await serve(market, { rejects, rejectsWhole })
      market.trade(BTC, 1, { silently: true })
      const probe = run(at)
      await until(() => probe.trades.length === 1)
      dropClients()
      await until(() => probe.states.includes('waiting'))
      market.trade(BTC)
      await until(() => probe.trades.length === 2)
      expect(probe.rejections).toEqual([[ETH, `Failed to subscribe: ${ETH} is delisted`]])
    })
  }

  test('says that a rejected product comes after all, on another connection', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    let isDelisted = true
    const rejects = (product: string) => (isDelisted && product === ETH ? `${ETH} is delisted` : undefined)
    const { dropClients, ...at } = await serve(market, { rejects })
    const probe = run(at)
    await until(() => probe.rejections.length === 1)
    expect(probe.acceptances).toEqual([])
    isDelisted = false
    dropClients()
    await until(() => probe.acceptances.length === 1)
    expect(probe.acceptances).toEqual([ETH])
  })

  test('finds the product that makes the exchange refuse all of them, though it does not name it', async () => {
    const market = new ScriptedMarket([BTC, ETH])
    const rejects = (product: string) => (product === 'X-USD' ? 'Invalid product ID provided' : undefined)
    const at = await serve(market, { rejects, rejectsWhole: true })
    for (const product of [BTC, ETH]) market.trade(product, 1, { silently: true })
    const probe = run({ ...at, products: [BTC, ETH, 'X-USD'] })
    await until(() => probe.trades.length === 2)
    expect(probe.trades.map(({ product }) => product).toSorted()).toEqual([BTC, ETH])
  })

  test('says once that the exchange is out of reach, keeps trying, and says when it is back', async () => {
    const market = new ScriptedMarket([BTC])
    const { wsUrl, restUrl, products, close } = await serve(market)
    await close()
    const lines: { level: number; msg: string; code?: string }[] = []
    const logger: Logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const probe = run({ wsUrl, restUrl, products }, { probe: new SourceProbe({ logger }) })
    const tries = () => lines.filter(({ msg }) => msg.includes('failed')).length
    await until(() => tries() >= 4)
    const said = lines.filter(({ level }) => level >= 30)
    expect(said).toHaveLength(1)
    expect(said[0]).toMatchObject({ code: 'SOURCE_UNREACHABLE' })
    expect(said[0]?.msg).toContain('--simulate')
    expect(probe.states).toEqual(['connecting', 'waiting'])

    const again = new ScriptedMarket([BTC])
    again.trade(BTC, 1, { silently: true })
    await serve(again, {}, Number(new URL(wsUrl).port))
    await until(() => probe.trades.length === 1)
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['WebSocket connected to Coinbase', 'Coinbase can be reached again']),
    )
    expect(probe.states.at(-1)).toBe('live')
  })

  test('says once that the tape is far ahead of the exchange, instead of dropping in silence', async () => {
    const market = new ScriptedMarket([BTC])
    market.trade(BTC, 1, { silently: true })
    const lines: { level: number; msg: string }[] = []
    const logger: Logger = pino({ level: 'error' }, { write: (line: string) => lines.push(JSON.parse(line)) })
    const foreign = { ...asTrade(BTC), tradeId: 1_000_000 }
    let beats = 0
    const frames = (frame: string) => {
      if (frame.includes('heartbeat')) beats++
      return [frame]
    }
    const probe = run(await serve(market, { frames }), {
      probe: new SourceProbe({ tape: [foreign], logger }),
    })
    await until(() => lines.length > 0 && beats >= 4)
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('far ahead of the exchange')])
    expect(probe.trades).toEqual([])
  })

  test('emits nothing while downstream is full, and everything afterwards', async () => {
    const market = new ScriptedMarket([BTC])
    const { dropClients, ...at } = await serve(market)
    const probe = run(at, { heldTradesMax: 10 })
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    probe.paused$.next(true)
    market.trade(BTC, 300)
    dropClients()
    market.trade(BTC, 300)
    probe.paused$.next(false)
    await until(() => probe.trades.length === 601)
    expect(probe.ids(BTC)).toEqual(range(1, 601))
  })

  test('does not read while downstream is full, and repairs what the exchange did about it', async () => {
    const market = new ScriptedMarket([BTC])
    const at = await serve(market)
    const probe = run(at)
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    probe.paused$.next(true)
    const filler = JSON.stringify({ type: 'status', filler: 'x'.repeat(200_000) })
    for (let megabytes = 0; megabytes < 40; megabytes += 0.2) {
      market.say(filler)
      // Whoever reads has the time to.
      await turns(5)
    }
    // A slow consumer is cut off.
    await until(() => at.clients() === 0)
    market.trade(BTC, 3)
    probe.paused$.next(false)
    await until(() => probe.trades.length === 4)
    expect(probe.ids(BTC)).toEqual(range(1, 4))
  })

  test('stops within what it fetches when downstream gets full', async () => {
    const market = new ScriptedMarket([BTC])
    market.trade(BTC, 3_000, { silently: true })
    const first = {
      product: BTC,
      symbol: 'BTC',
      tradeId: 1,
      price: 1,
      size: 1,
      time: '',
      timestampMs: 0,
      takerSide: 'buy',
    } as const
    const probe = new SourceProbe({ tape: [first] })
    const context = { ...probe.context }
    const source = coinbaseTrades({ ...(await serve(market)), tape, graceMs: 20 })
    const seen: Trade[] = []
    const subscription = source(context).subscribe((trade) => {
      expect(probe.paused$.value).toBe(false)
      seen.push(trade)
      if (trade.tradeId % 100 === 0) {
        probe.paused$.next(true)
        setImmediate(() => probe.paused$.next(false))
      }
    })
    running.push({ stop: () => subscription.unsubscribe() })
    await until(() => seen.length === 2_999)
    expect(seen.map(({ tradeId }) => tradeId)).toEqual(range(2, 3_000))
  })

  test('leaves nothing open when it is unsubscribed', async () => {
    const market = new ScriptedMarket([BTC])
    const rest = () => ({ delayMs: 60_000 })
    const at = await serve(market, { rest })
    const probe = run(at)
    market.trade(BTC)
    await until(() => probe.trades.length === 1)
    market.trade(BTC, 1, { silently: true })
    market.trade(BTC)
    await until(() => probe.states.includes('recovering'))
    expect(at.clients()).toBe(1)
    probe.stop()
    await until(() => at.clients() === 0)
    expect(probe.states.at(-1)).toBe('stopped')
    expect(probe.error).toBeUndefined()
  })

  test('refuses no products, and two of one symbol', () => {
    const at = { wsUrl: 'ws://127.0.0.1:9', restUrl: 'http://127.0.0.1:9' }
    expect(() => coinbaseTrades({ ...at, products: [] })).toThrow('PRODUCTS is empty')
    expect(() => coinbaseTrades({ ...at, products: [BTC, 'BTC-EUR'] })).toThrow(
      'two products of one symbol: BTC-USD and BTC-EUR',
    )
  })

  for (const seed of range(1, 5)) {
    test(`gives every trade once and in order over a line that loses, doubles, swaps and garbles (seed ${seed})`, async () => {
      const random = seededRandom(seed)
      const market = new ScriptedMarket([BTC, ETH])
      let noisy = true
      const noise = noisyFrames({ random, drop: 0.1, duplicate: 0.1, reorder: 0.1, garble: 0.05 })
      const rest = () => (noisy && random() < 0.3 ? { status: 500, body: '' } : undefined)
      const { dropClients, ...at } = await serve(market, {
        frames: (frame) => (noisy ? noise(frame) : [frame]),
        rest,
      })
      market.trade(BTC, 1, { silently: true })
      market.trade(ETH, 1, { silently: true })
      const beginning = [BTC, ETH].map((product) => ({ ...asTrade(product), tradeId: 1 }))
      const probe = run(at, { heldTradesMax: 20, probe: new SourceProbe({ tape: beginning }) })
      for (let round = 0; round < 20; round++) {
        market.trade(BTC, 1 + Math.floor(random() * 40), { silently: random() < 0.2 })
        market.trade(ETH, 1 + Math.floor(random() * 10))
        await turns(random() * 200)
        if (random() < 0.15) dropClients()
      }
      noisy = false
      await until(() => probe.trades.length >= market.count(BTC) + market.count(ETH) - 2)
      expect(probe.ids(BTC)).toEqual(range(2, market.count(BTC)))
      expect(probe.ids(ETH)).toEqual(range(2, market.count(ETH)))
      expect(probe.counters.gaps ?? 0).toBe(0)
    })
  }
})

/** Lets so many rounds of the event loop pass: the seed decides what has arrived by then. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

function asTrade(product: string): Trade {
  const symbol = product.split('-')[0] ?? product
  return { product, symbol, tradeId: 0, price: 1, size: 1, time: '', timestampMs: 0, takerSide: 'buy' }
}
