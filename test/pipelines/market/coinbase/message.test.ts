import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage, frameBytesMax } from '../../../../pipelines/market/coinbase/message.ts'

const match = {
  type: 'match',
  trade_id: 7,
  maker_order_id: 'a',
  taker_order_id: 'b',
  side: 'sell',
  size: '0.5',
  price: '63514.6',
  product_id: 'BTC-USD',
  sequence: 1,
  time: '2026-07-07T22:58:17.164892Z',
}
const ticker = { ...match, type: 'ticker', side: 'buy', size: undefined, last_size: '0.5' }
const decode = (value: unknown) => decodeMessage(Buffer.from(JSON.stringify(value)))

const trade = {
  product: 'BTC-USD',
  symbol: 'BTC',
  tradeId: 7,
  price: 63514.6,
  size: 0.5,
  time: '2026-07-07T22:58:17.164892Z',
  timestampMs: Date.parse('2026-07-07T22:58:17.164Z'),
  takerSide: 'buy',
}

describe('decodeMessage', () => {
  test("gives a match the taker's side, which is not the maker's", () => {
    expect(decode(match)).toEqual({ type: 'trade', trade, isNewest: true })
    expect(decode({ ...match, type: 'last_match' })).toEqual({ type: 'trade', trade, isNewest: false })
  })

  test('decodes a ticker to the very same trade as its match', () => {
    expect(decode(ticker)).toEqual({ type: 'trade', trade, isNewest: false })
  })

  test('decodes heartbeats, subscriptions and errors', () => {
    const heartbeat = { type: 'heartbeat', product_id: 'BTC-USD', last_trade_id: 0 }
    const decoded = { type: 'heartbeat', product: 'BTC-USD', lastTradeId: 0 }
    expect(decode(heartbeat)).toEqual({ ...decoded, timestampMs: Number.NaN })
    expect(decode({ ...heartbeat, time: '2026-01-31T12:00:00.5Z' })).toEqual({
      ...decoded,
      timestampMs: Date.UTC(2026, 0, 31, 12, 0, 0, 500),
    })
    expect(
      decode({ type: 'subscriptions', channels: [{ name: 'matches', product_ids: ['BTC-USD'] }] }),
    ).toEqual({
      type: 'subscriptions',
      channels: [{ name: 'matches', products: ['BTC-USD'] }],
    })
    const error = { type: 'error', message: 'Failed to subscribe', reason: 'YFI-USD is delisted' }
    expect(decode(error)).toEqual({ type: 'error', text: 'Failed to subscribe: YFI-USD is delisted' })
  })

  test('calls a trade bad that is later than can be', () => {
    const at = (latestMs: number) => decodeMessage(Buffer.from(JSON.stringify(match)), false, latestMs)
    expect(at(trade.timestampMs)).toMatchObject({ type: 'trade', trade })
    expect(at(trade.timestampMs - 1)).toMatchObject({ type: 'bad', product: 'BTC-USD', tradeId: 7 })
  })

  test('ignores message types that it does not know', () => {
    expect(decode({ type: 'status' })).toEqual({ type: 'ignored' })
  })

  test('ignores the ticker of a product that never traded', () => {
    expect(decode({ type: 'ticker', product_id: 'NEW-USD', price: '0' })).toEqual({ type: 'ignored' })
  })

  for (const [field, values] of Object.entries({
    price: ['0', '-1', 'NaN', 'Infinity', '1e999', '', ' 1', '0x10', '1,5', 1.5, null, undefined, {}],
    size: ['0', '-0.1', 'abc', 5, undefined],
    time: [
      'yesterday',
      '2026-13-45T00:00:00Z',
      '2026-02-30T10:00:00Z',
      '2026-07-07T24:00:00Z',
      '2999-01-01T00:00:00Z',
      '10000-01-01T00:00:00Z',
      1,
      undefined,
    ],
    side: ['hold', undefined, 1],
  })) {
    for (const value of values) {
      test(`calls a trade with ${field} ${JSON.stringify(value)} bad, and says which trade it is`, () => {
        const message = decode({ ...match, [field]: value })
        expect(message).toMatchObject({ type: 'bad', product: 'BTC-USD', tradeId: 7 })
        expect(message.type === 'bad' && message.reason).toContain(field)
      })
    }
  }

  for (const tradeId of [0, -1, 1.5, '7', 1e15, null, undefined]) {
    test(`does not take ${JSON.stringify(tradeId)} for a trade id`, () => {
      const message = decode({ ...match, trade_id: tradeId })
      expect(message).toMatchObject({ type: 'bad', product: 'BTC-USD' })
      expect(message).not.toHaveProperty('tradeId')
    })
  }

  test('calls frames bad that are no JSON object, no text or too large', () => {
    const reasons = [
      decodeMessage(Buffer.from('{"type":"mat')),
      decodeMessage(Buffer.from('[1]')),
      decodeMessage(Buffer.from('null')),
      decodeMessage(Buffer.from([0x7b, 0xff, 0x7d])),
      decodeMessage(Buffer.from(JSON.stringify(match)), true),
      decodeMessage(Buffer.alloc(frameBytesMax + 1, 0x20)),
      decodeMessage(Buffer.from('['.repeat(200_000))),
    ].map((message) => message.type === 'bad' && message.reason)
    expect(reasons).toEqual([
      'not JSON',
      'not a JSON object',
      'not a JSON object',
      'not UTF-8',
      'a binary frame',
      `${frameBytesMax + 1} bytes, more than ${frameBytesMax}`,
      'not JSON',
    ])
  })

  test.each(Object.keys(match))('does not mind how deep a value is nested that stands for %s', (field) => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `${open.repeat(40_000)}${open === '[' ? '' : '1'}${close.repeat(40_000)}`
      const frame = JSON.stringify({ ...match, [field]: '' }).replace(`"${field}":""`, `"${field}":${deep}`)
      expect(() => decodeMessage(Buffer.from(frame))).not.toThrow()
    }
  })

  test('never throws, whatever comes, and never makes a trade of it that is none', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .record({ field: fc.constantFrom(...Object.keys(match)), value: fc.jsonValue() })
        .map(({ field, value }) => Buffer.from(JSON.stringify({ ...match, [field]: value }))),
    )
    fc.assert(
      fc.property(anything, (bytes) => {
        const message = decodeMessage(bytes)
        if (message.type !== 'trade') return
        const { price, size, tradeId, timestampMs, takerSide } = message.trade
        expect(Number.isFinite(price) && price > 0 && Number.isFinite(size) && size > 0).toBe(true)
        expect(Number.isSafeInteger(tradeId) && Number.isSafeInteger(timestampMs)).toBe(true)
        expect(['buy', 'sell']).toContain(takerSide)
      }),
      { numRuns: 2_000 },
    )
  })
})
