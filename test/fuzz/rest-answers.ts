import assert from 'node:assert/strict'
import type { BackfillEvent } from '../../pipelines/market/coinbase/backfill.ts'
import { Backfill } from '../../pipelines/market/coinbase/backfill.ts'
import { ExchangeTime } from '../../pipelines/market/coinbase/exchange-time.ts'
import { CoinbaseRest } from '../../pipelines/market/coinbase/rest.ts'
import { TradeSequencer } from '../../pipelines/market/coinbase/trade-sequencer.ts'
import type { Trade } from '../../pipelines/market/trade.ts'
import type { Clock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { canBePutAway, holdsForNextEdges } from './support/market-edges.ts'
import { damaged, noisyJson, oneOf } from './support/noise.ts'

export const name = 'rest'

const product = 'BTC-USD'
const aheadMsMax = 3_600_000
const [lastId, shownId] = [10, 20]
/** Then it answers as it should. */
const wrongAnswersMax = 3
const limitMs = 600_000

/**
 * Whatever REST answers, for a while: every trade that is missing comes once and in order, or is said to be given up, and
 * what could not be read can be put away.
 */
export async function run(random: () => number): Promise<void> {
  const world = new World(Math.floor(random() * 2 ** 31))
  await world.ended(backfill(random, world.machine('asking').clock), limitMs)
}

async function backfill(random: () => number, clock: Clock): Promise<void> {
  const { signal } = new AbortController()
  const sequencer = new TradeSequencer<Trade>({ lastId, heldTradesMax: 100 })
  sequencer.announce(shownId)
  let wrongAnswers = Math.ceil(random() * wrongAnswersMax)
  const rest = new CoinbaseRest({
    restUrl: 'http://exchange',
    clock,
    logger: silentLogger,
    exchangeTime: new ExchangeTime(clock),
    timeoutMs: 1_000,
    retryPolicy: { initialMs: 100, waitMsMax: 1_000 },
    refusedMsMax: 60_000,
    onGarbage: (_, bytes) => canBePutAway({ bytes, reason: 'not a page of trades' }),
    fetch: async (url) => {
      const page = pageOf(new URL(String(url)).searchParams)
      return wrongAnswers-- > 0 ? wrongAnswer(random, page) : new Response(page)
    },
  })
  const gap = new Backfill({
    product,
    sequencer,
    rest,
    clock,
    graceMs: 0,
    backfillTradesMax: 1_000,
    lagMsMax: 60_000,
  })

  let nextId = lastId + 1
  const take = () => {
    for (let trade = sequencer.take(); trade; trade = sequencer.take()) {
      assert.equal(trade.tradeId, nextId++)
      holdsForNextEdges(trade, clock.now() + aheadMsMax)
    }
  }
  while (gap.isDue) {
    for await (const event of gap.ask(signal)) nextId += givenUp(event)
    take()
  }
  assert.equal(nextId, shownId + 1)
}

/** How many trades the event gives up. */
function givenUp(event: BackfillEvent): number {
  if (event.type === 'undecodable') canBePutAway(event)
  assert.notEqual(event.type, 'refuted')
  return event.type === 'gap' ? event.trades : 0
}

function rowOf(id: number): string {
  return `{"time":"2025-12-31T23:59:59.${String(id).padStart(6, '0')}Z","trade_id":${id},"price":"77302.99","size":"0.0045","side":"buy"}`
}

function pageOf(query: URLSearchParams): string {
  const toId = Math.min(shownId, Number(query.get('after') ?? shownId + 1) - 1)
  const limit = Math.min(1_000, Number(query.get('limit')))
  const ids = Array.from({ length: Math.min(limit, toId) }, (_, i) => toId - i)
  return `[${ids.map(rowOf).join(',')}]`
}

function wrongAnswer(random: () => number, page: string): Response {
  const kind = random()
  if (kind < 0.2) {
    const status = oneOf(random, [201, 400, 403, 404, 429, 500, 502, 503])
    return new Response(noisyJson(random), { status, headers: { 'retry-after': '0' } })
  }
  if (kind < 0.3) throw new TypeError('fetch failed')
  if (kind < 0.5) return new Response(new Uint8Array(damaged(random, page)))
  if (kind < 0.6) return new Response(noisyJson(random))
  return new Response(rowsChanged(random, page))
}

/** Rows left out, doubled, in another order, or with other values. */
function rowsChanged(random: () => number, page: string): string {
  const rows = (JSON.parse(page) as object[]).map((row) => JSON.stringify(row))
  const changed = rows.flatMap((row) => {
    const kind = random()
    if (kind < 0.1) return []
    if (kind < 0.2) return [row, row]
    if (kind < 0.3) return [row.replace(/"[^"]*"(?=[,}])|(?<=:)\d+/, () => noisyJson(random))]
    return [row]
  })
  return `[${(random() < 0.5 ? changed.toSorted(() => random() - 0.5) : changed).join(',')}]`
}
