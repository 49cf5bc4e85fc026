import type { Clock } from 'rivulet'
import { cryptoInstruments, instrumentOf } from '../synthetic/instrument.ts'
import { microseconds } from '../synthetic/microseconds.ts'
import { SyntheticTape, type SyntheticTrade } from '../synthetic/synthetic-tape.ts'
import { opposite } from '../trade.ts'
import { matchFrame, tickerFrame } from './frames.ts'
import type { CandleRange, CandleRow, ExchangeTrade, Market, MarketFrame, TradeRange } from './market.ts'

const minuteMs = 60_000
/** Fewer wake-ups than trades. */
const pumpMsMin = 20
/** After the machine slept, what was missed is left to the REST API. */
const catchUpMsMax = 10_000
/** Up to so many minutes a candle is made of all its trades, a longer one of so many minutes spread over it. */
const candleMinutesMax = 5

export interface SimulatedMarketOptions {
  readonly seed: number
  readonly clock: Clock
  /** Default: BTC-USD, ETH-USD, SOL-USD, XRP-USD, DOGE-USD. Any other name is made up. */
  readonly products?: readonly string[]
}

/** A market that always was and always will be: a pure function of the seed and the clock, with an endless past. */
export function simulatedMarket(options: SimulatedMarketOptions): Market {
  const { seed, clock } = options
  const products = options.products ?? cryptoInstruments.map(({ product }) => product)
  const tapes = new Map(
    products.map((product) => [product, new SyntheticTape(instrumentOf(product, cryptoInstruments), seed)]),
  )
  /** Until when trades have happened, as far as anybody was told: they are sent from there on. */
  let toldMs = clock.now()
  let sending = false
  const happenedMs = () => {
    if (!sending) toldMs = clock.now()
    return toldMs
  }

  const trades = (
    product: string,
    { beforeId, afterId = 0, limit }: TradeRange,
  ): readonly ExchangeTrade[] => {
    const tape = tapes.get(product)
    if (!tape) return []
    const newestId = Math.min(tape.lastIdAt(happenedMs()), (beforeId ?? Number.MAX_SAFE_INTEGER) - 1)
    const page: ExchangeTrade[] = []
    for (let id = newestId; id > Math.max(0, afterId) && page.length < limit; id--) {
      page.push(exchangeTrade(tape, tape.trade(id)))
    }
    return page
  }

  return {
    kind: 'simulated',
    hasHeartbeats: () => true,
    products,
    paced: true,
    lastTrade: (product) => trades(product, { limit: 1 })[0],
    trades,
    candles: (product, range) => candles(tapes.get(product), range, happenedMs()),
    close: () => {},
    async *frames({ clock: pace, signal }) {
      sending = true
      for (;;) {
        const nextMs = Math.min(...[...tapes.values()].map((tape) => nextTradeMs(tape, happenedMs())))
        await pace.sleep(Math.max(pumpMsMin, Math.ceil(nextMs - pace.now())), signal)
        const nowMs = pace.now()
        const happened = tradesBetween(tapes, Math.max(happenedMs(), nowMs - catchUpMsMax), nowMs)
        toldMs = Math.max(toldMs, nowMs)
        yield* framesOf(happened)
      }
    },
  }
}

function nextTradeMs(tape: SyntheticTape, nowMs: number): number {
  return tape.trade(tape.lastIdAt(nowMs) + 1).timeMs
}

function tradesBetween(
  tapes: ReadonlyMap<string, SyntheticTape>,
  afterMs: number,
  untilMs: number,
): ExchangeTrade[] {
  const found: { timeMs: number; trade: ExchangeTrade }[] = []
  for (const tape of tapes.values()) {
    const lastId = tape.lastIdAt(untilMs)
    for (let id = tape.lastIdAt(afterMs) + 1; id <= lastId; id++) {
      const trade = tape.trade(id)
      found.push({ timeMs: trade.timeMs, trade: exchangeTrade(tape, trade) })
    }
  }
  return found.sort((a, b) => a.timeMs - b.timeMs).map(({ trade }) => trade)
}

/** A `match` for each trade; a `ticker` only for the last of those that one order caused, as with Coinbase. */
function* framesOf(trades: readonly ExchangeTrade[]): Iterable<MarketFrame> {
  for (const [i, trade] of trades.entries()) {
    const { product } = trade
    yield { product, channel: 'matches', data: matchFrame(trade) }
    const next = trades[i + 1]
    const cascades = next?.product === product && next.time === trade.time
    if (!cascades) yield { product, channel: 'ticker', data: tickerFrame(trade) }
  }
}

function exchangeTrade({ instrument }: SyntheticTape, trade: SyntheticTrade): ExchangeTrade {
  return {
    product: instrument.product,
    tradeId: trade.tradeId,
    price: trade.price.toFixed(instrument.priceDecimals),
    size: trade.size.toFixed(instrument.sizeDecimals),
    time: microseconds(trade.timeMs),
    makerSide: opposite(trade.takerSide),
  }
}

function candles(
  tape: SyntheticTape | undefined,
  { granularityMs, startMs, endMs }: CandleRange,
  nowMs: number,
): readonly CandleRow[] {
  const rows: CandleRow[] = []
  if (!tape) return rows
  const firstMs = Math.max(0, Math.ceil(startMs / granularityMs) * granularityMs)
  const lastMs = Math.floor(Math.min(endMs, nowMs) / granularityMs) * granularityMs
  for (let candleMs = lastMs; candleMs >= firstMs; candleMs -= granularityMs) {
    const row = candle(tape, candleMs, granularityMs, nowMs)
    if (row) rows.push(row)
  }
  return rows
}

function candle(
  tape: SyntheticTape,
  startMs: number,
  lengthMs: number,
  nowMs: number,
): CandleRow | undefined {
  const firstMinute = startMs / minuteMs
  const minutes = Math.ceil((Math.min(startMs + lengthMs, nowMs + 1) - startMs) / minuteMs)
  const sampled = Math.min(minutes, candleMinutesMax)
  const stride = sampled > 1 ? (minutes - 1) / (sampled - 1) : 1
  const trades: SyntheticTrade[] = []
  for (let i = 0; i < sampled; i++) {
    for (const trade of tape.minute(firstMinute + Math.round(i * stride)))
      if (trade.timeMs <= nowMs) trades.push(trade)
  }
  const [open] = trades
  const close = trades.at(-1)
  if (!open || !close) return undefined
  const prices = trades.map(({ price }) => price)
  const volume = (trades.reduce((sum, { size }) => sum + size, 0) * minutes) / sampled
  return [startMs / 1000, Math.min(...prices), Math.max(...prices), open.price, close.price, volume]
}
