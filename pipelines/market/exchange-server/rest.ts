import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from 'rivulet'
import type { RateLimiter } from '../rate-limiter.ts'
import { quoteOf, symbolOf } from '../trade.ts'
import type { ExchangeFaults } from './faults.ts'
import { restTrade } from './frames.ts'
import type { Market } from './market.ts'

const tradesMax = 1000
const candlesMax = 300
const granularitiesSeconds = [60, 300, 900, 3600, 21600, 86400]

export interface RestContext {
  readonly market: Market
  readonly clock: Clock
  readonly limiter: RateLimiter
  readonly faults: ExchangeFaults
  readonly signal: AbortSignal
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers one request to the local exchange's REST API. Source: Coinbase Exchange, "Get all known trading pairs", "Get product trades" and "… candles". */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { market, clock, limiter, faults, signal }: RestContext,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const fault = faults.rest?.(url)
  if (fault?.delayMs) await clock.sleep(fault.delayMs, signal)
  const { status, body, headers } = limiter.tryTake()
    ? route(url, market, clock)
    : { status: 429, body: { message: 'Public rate limit exceeded' } }
  response.writeHead(fault?.status ?? status, {
    'content-type': 'application/json; charset=utf-8',
    ...headers,
    ...fault?.headers,
  })
  response.end(fault?.body ?? JSON.stringify(body))
}

function route(url: URL, market: Market, clock: Clock): Answer {
  if (url.pathname === '/products')
    return { status: 200, body: market.products.map((product) => described(product, market)) }
  const [, products, encoded, what, ...more] = url.pathname.split('/')
  if (products !== 'products' || encoded === undefined || more.length > 0) return notFound
  const product = decodeURIComponent(encoded)
  if (!market.products.includes(product)) return notFound
  if (what === 'trades') return trades(product, url.searchParams, market)
  if (what === 'candles') return candles(product, url.searchParams, market, clock)
  return notFound
}

const notFound: Answer = { status: 404, body: { message: 'NotFound' } }

/** What Coinbase says of a product; how finely prices are told, the newest trades say. */
function described(product: string, market: Market) {
  const decimals = market
    .trades(product, { limit: tradesMax })
    .map(({ price }) => price.split('.')[1]?.length ?? 0)
  return {
    id: product,
    base_currency: symbolOf(product),
    quote_currency: quoteOf(product),
    display_name: product,
    ...(decimals.length > 0 && { quote_increment: incrementOf(Math.max(...decimals)) }),
  }
}

function incrementOf(decimals: number): string {
  return (10 ** -decimals).toFixed(decimals)
}

function trades(product: string, query: URLSearchParams, market: Market): Answer {
  const limit = integer(query, 'limit') ?? tradesMax
  const beforeId = integer(query, 'after')
  const afterId = integer(query, 'before')
  if (![limit, beforeId ?? 0, afterId ?? 0].every(Number.isSafeInteger) || limit < 1) {
    return { status: 400, body: { message: 'limit, after and before are whole numbers' } }
  }
  const page = market.trades(product, {
    limit: Math.min(limit, tradesMax),
    ...(beforeId !== undefined && { beforeId }),
    ...(afterId !== undefined && { afterId }),
  })
  const [newest] = page
  const oldest = page.at(-1)
  // Coinbase's words: `before` is what is newer, `after` what is older.
  const headers = newest &&
    oldest && { 'CB-BEFORE': String(newest.tradeId), 'CB-AFTER': String(oldest.tradeId) }
  return { status: 200, body: page.map(restTrade), ...(headers && { headers }) }
}

function candles(product: string, query: URLSearchParams, market: Market, clock: Clock): Answer {
  const granularity = integer(query, 'granularity') ?? 60
  if (!granularitiesSeconds.includes(granularity)) {
    return { status: 400, body: { message: 'Unsupported granularity' } }
  }
  const granularityMs = granularity * 1000
  const endMs = time(query, 'end') ?? clock.now()
  const startMs = time(query, 'start') ?? endMs - (candlesMax - 1) * granularityMs
  if (Number.isNaN(startMs) || Number.isNaN(endMs))
    return { status: 400, body: { message: 'Invalid start or end' } }
  if ((endMs - startMs) / granularityMs > candlesMax) {
    return { status: 400, body: { message: `count of aggregations requested exceeds ${candlesMax}` } }
  }
  return { status: 200, body: market.candles(product, { granularityMs, startMs, endMs }) }
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  return text === null ? undefined : text === '' ? Number.NaN : Number(text)
}

/** ISO 8601, or seconds since the epoch. */
function time(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text)
}
