import type { Clock } from 'rivulet'
import {
  type ExchangeFaults,
  noisyFrames,
  type RestFault,
  type SentFrame,
} from '../../../pipelines/market/exchange-server/faults.ts'
import { restTrade } from '../../../pipelines/market/exchange-server/frames.ts'
import type { ExchangeTrade, Market } from '../../../pipelines/market/exchange-server/market.ts'
import type { ExchangeFaultKind } from './exchange-faults.ts'

export interface FaultyExchangeOptions {
  readonly market: Market
  readonly clock: Clock
  readonly lagMs: number
  /** Whether it goes wrong in this way just now. */
  readonly is: (kind: ExchangeFaultKind) => boolean
}

/** How likely each frame is to be lost, sent twice, swapped or garbled, while frames are. */
const perFrame = 0.3
/** How many of the nodes behind the REST API lag, and how late it answers at most. */
const lagging = 0.7
const slowMsMax = 400
const staleTradesMax = 10
const hangsMs = 600_000

const restAnswers: Partial<Readonly<Record<ExchangeFaultKind, RestFault>>> = {
  'rest-400': { status: 400, body: '{"message":"Bad Request"}' },
  'rest-404': { status: 404, body: '{"message":"NotFound"}' },
  'rest-429': {
    status: 429,
    body: '{"message":"Public rate limit exceeded"}',
    headers: { 'retry-after': '2' },
  },
  'rest-503': { status: 503, body: 'Service Unavailable' },
  'rest-302': { status: 302, body: '', headers: { location: '/elsewhere' } },
  'rest-html': { body: '<!DOCTYPE html><title>Just a moment</title>' },
  'rest-truncated': { body: '[{"trade_id":1,"price":"1' },
  'rest-empty': { body: '[]' },
  'rest-hanging': { delayMs: hangsMs },
}

/** What the local exchange does instead of what it should, while it goes wrong. */
export function faultyExchange({ market, clock, lagMs, is }: FaultyExchangeOptions): ExchangeFaults {
  const { random } = clock
  const noises = {
    'frames-lost': noisyFrames({ random, drop: perFrame }),
    'frames-twice': noisyFrames({ random, duplicate: perFrame }),
    'frames-swapped': noisyFrames({ random, reorder: perFrame }),
    'frames-garbled': noisyFrames({ random, garble: perFrame }),
  } as const

  const frames = (text: string): readonly SentFrame[] => {
    if (is('no-heartbeats') && text.startsWith('{"type":"heartbeat"')) return []
    for (const [kind, noise] of Object.entries(noises)) if (is(kind as ExchangeFaultKind)) return noise(text)
    return [text]
  }

  const wrongAnswer = (url: URL): RestFault => {
    for (const [kind, answer] of Object.entries(restAnswers)) if (is(kind as ExchangeFaultKind)) return answer
    const page = (change: (trades: readonly ExchangeTrade[]) => readonly ExchangeTrade[]): RestFault => ({
      body: JSON.stringify(change(pageOf(market, url)).map(restTrade)),
    })
    if (is('rest-unsorted')) return page((trades) => trades.toSorted(() => random() - 0.5))
    if (is('rest-overlapping'))
      return page((trades) => [...trades, ...trades.slice(-3), ...trades.slice(0, 3)])
    if (!is('rest-lag') || random() >= lagging) return {}
    const knownUntil = new Date(clock.now() - lagMs).toISOString()
    return page((trades) => trades.filter(({ time }) => time < knownUntil))
  }
  const rest = (url: URL): RestFault => ({
    ...(is('rest-slow') && { delayMs: random() * slowMsMax }),
    ...wrongAnswer(url),
  })

  return {
    frames,
    rest,
    refusesConnection: () => is('connections-refused'),
    greetingsLagTrades: () => (is('stale-greetings') ? Math.floor(random() * (staleTradesMax + 1)) : 0),
  }
}

function pageOf(market: Market, url: URL): readonly ExchangeTrade[] {
  const product = url.pathname.split('/')[2] ?? ''
  const after = url.searchParams.get('after')
  const limit = Number(url.searchParams.get('limit') ?? 1000)
  return market.trades(product, { limit, ...(after !== null && { beforeId: Number(after) }) })
}
