import { describe, expect, test } from 'vitest'
import { ExchangeTime } from '../../../../pipelines/market/coinbase/exchange-time.ts'
import { CoinbaseRest } from '../../../../pipelines/market/coinbase/rest.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { World } from '../../../../src/testing/simulation/world.ts'

const BTC = 'BTC-USD'
const retryPolicy = { initialMs: 1_000, waitMsMax: 30_000 }
const refusedMsMax = 60_000

const row = (id: number, more: object = {}) => ({
  trade_id: id,
  price: '101.5',
  size: '0.25',
  time: '2025-12-31T22:00:01.123456Z',
  side: 'buy',
  ...more,
})
const page = (...ids: number[]) => Response.json(ids.map((id) => row(id)))
const never = () => new Promise<Response>(() => {})

/** Asks for the trades from 1 to 9 on virtual time, of an exchange that answers like this, the last way again and again. */
async function ask(...answers: (() => Response | Promise<Response>)[]) {
  const world = new World(1)
  const { clock } = world.machine('asking')
  const askedAtMs: number[] = []
  const garbage: string[] = []
  const rest = new CoinbaseRest({
    restUrl: 'http://exchange/',
    clock,
    logger: silentLogger,
    exchangeTime: new ExchangeTime(clock),
    timeoutMs: 10_000,
    retryPolicy,
    refusedMsMax,
    onGarbage: (_, bytes) => garbage.push(bytes.toString()),
    fetch: (_, { signal } = {}) => {
      const answer = answers[Math.min(askedAtMs.length, answers.length - 1)] ?? never
      askedAtMs.push(world.time.elapsedMs)
      return new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        Promise.resolve(answer()).then(resolve, reject)
      })
    },
  })
  const asked = rest.tradesBetween(BTC, 1, 9, new AbortController().signal)
  const answered = await world.ended(
    asked.catch((error: unknown) => error),
    600_000,
  )
  const trades = answered instanceof Error ? [] : (answered as Awaited<typeof asked>).trades
  return { answered, ids: trades.map(({ tradeId }) => tradeId), askedAtMs, garbage }
}

describe('CoinbaseRest', () => {
  test.each<[string, () => Response | Promise<Response>]>([
    ['404', () => Response.json({ message: 'NotFound' }, { status: 404 })],
    ['400', () => Response.json({ message: 'Bad Request' }, { status: 400 })],
    ['403', () => new Response('Forbidden', { status: 403 })],
    ['a redirection that leads nowhere', () => new Response(null, { status: 302 })],
    ['500', () => new Response('oops', { status: 500 })],
    ['503', () => new Response(null, { status: 503 })],
    ['HTML', () => new Response('<!DOCTYPE html><title>Just a moment</title>')],
    ['half a page', () => new Response('[{"trade_id":1,"price":"1')],
    ['an object', () => Response.json({ message: 'ok' })],
    ['nothing', () => new Response('')],
    ['more than it should', () => new Response(' '.repeat(5 * 1024 * 1024))],
    ['a broken connection', () => Promise.reject(new TypeError('fetch failed'))],
    ['no answer', never],
  ])('asks again after %s', async (_, answer) => {
    const { ids, askedAtMs } = await ask(answer, answer, () => page(1, 2))
    expect(ids).toEqual([1, 2])
    expect(askedAtMs).toHaveLength(3)
  })

  test('believes a refusal when it has gone on for long', async () => {
    const { answered, askedAtMs } = await ask(() => new Response(null, { status: 404 }))
    expect(answered).toMatchObject({ code: 'SOURCE_FAILED', retryable: false })
    expect(askedAtMs.at(-1)).toBeGreaterThanOrEqual(refusedMsMax)
    expect(askedAtMs.at(-1)).toBeLessThan(2 * refusedMsMax)
  })

  test('asks for as long as it takes when it is not refused each time', async () => {
    const refused = () => new Response(null, { status: 404 })
    const out = () => new Response(null, { status: 502 })
    const outage = Array.from({ length: 30 }, (_, i) => (i % 5 === 0 ? out : refused))
    const { ids, askedAtMs } = await ask(...outage, () => page(1))
    expect(ids).toEqual([1])
    expect(askedAtMs.at(-1)).toBeGreaterThan(2 * refusedMsMax)
  })

  test.each<[string, atLeastMs: number, atMostMs: number]>([
    ['7', 7_000, 8_000],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 8_900, 10_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0, 1_000],
    ['99999999999999999999', 59_000, 61_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 59_000, 61_000],
    ['Infinity', 0, 1_000],
    ['-5', 0, 1_000],
    ['soon', 0, 1_000],
    ['', 0, 1_000],
  ])('after 429 with Retry-After %j it waits as long as that is sensible', async (value, least, most) => {
    const tooMany = () => new Response(null, { status: 429, headers: { 'retry-after': value } })
    const { ids, askedAtMs } = await ask(tooMany, () => page(1))
    expect(ids).toEqual([1])
    expect(askedAtMs[1]).toBeGreaterThanOrEqual(least)
    expect(askedAtMs[1]).toBeLessThanOrEqual(most)
  })

  test('takes a page in any order', async () => {
    const { ids } = await ask(() => page(3, 1, 2, 2))
    expect(ids).toEqual([1, 2, 2, 3])
  })

  test('passes over what was not asked for: it says nothing of what was', async () => {
    const { answered } = await ask(() => page(12, 11, 2, 1))
    expect(answered).toMatchObject({ newestId: 2, trades: [{ tradeId: 1 }, { tradeId: 2 }] })
  })

  test('gives rows that are no trades with their bytes, or with the page where they are too deep or too long', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const text = `[{"trade_id":1,"price":${deep}},{"trade_id":2,"price":"${'9'.repeat(300_000)}"},{"trade_id":3}]`
    const { answered } = await ask(() => new Response(text))
    const { bad } = answered as { bad: { tradeId: number; bytes: Buffer }[] }
    expect(bad.map(({ tradeId }) => tradeId)).toEqual([1, 2, 3])
    expect(bad.map(({ bytes }) => bytes.length)).toEqual([262_144, 262_144, 14])
  })
})
