import { type Clock, RivuletError } from 'rivulet'
import { decodeMessage, isFields } from '../coinbase/message.ts'
import type {
  CandleRange,
  CandleRow,
  Channel,
  ExchangeTrade,
  Market,
  MarketFrame,
  TradeRange,
} from './market.ts'
import { Recording } from './recording.ts'

/** A longer silence in a recording is the recorder's own, not the market's. */
const silenceMsMax = 60_000

export interface ReplayOptions {
  readonly file: string
  /** How many times the recorded pace; default 1. `Infinity` (or 0): as fast as the client takes it. */
  readonly speed?: number
}

/** A market that comes to an end. */
export interface ReplayedMarket extends Market {
  /** How many of its messages have happened. */
  progress(): { readonly done: number; readonly of: number }
}

/**
 * A recording as a market: its messages as they were, malformed ones too, in order, from the first subscription on.
 * Its products are those that have a trade. Throws `BAD_CONFIG` for a file without trades, and for a negative speed.
 */
export async function replayedMarket({ file, speed = 1 }: ReplayOptions): Promise<ReplayedMarket> {
  if (!(speed >= 0)) {
    throw new RivuletError('BAD_CONFIG', `--speed is ${speed}, and must be a positive number, such as 10`, {
      place: { parameter: '--speed' },
    })
  }
  const recording = await Recording.open(file)
  const paced = Number.isFinite(speed) && speed > 0
  const lastIds = new Map<string, number>()
  let happenedLine = 0

  const trades = (
    product: string,
    { beforeId = Number.MAX_SAFE_INTEGER, afterId = 0, limit }: TradeRange,
  ) => {
    const page: ExchangeTrade[] = []
    for (const trade of recording.trades(product, { beforeId, afterId, lineMax: happenedLine })) {
      if (page.length >= limit) break
      page.push(trade)
    }
    return page
  }

  return {
    kind: 'replayed',
    products: recording.products,
    paced,
    progress: () => ({ done: happenedLine, of: recording.lineCount }),
    hasHeartbeats: (product) => recording.heartbeats.has(product),
    lastTrade: (product) => {
      const lastId = lastIds.get(product)
      return lastId === undefined ? undefined : trades(product, { beforeId: lastId + 1, limit: 1 })[0]
    },
    trades,
    candles: (product, range) => candles(trades(product, { limit: Number.POSITIVE_INFINITY }), range),
    close: () => recording.close(),
    async *frames({ clock, signal }) {
      const pace = new Pace(clock, speed)
      const begun = new Set<string>()
      for await (const { bytes, number } of recording.lines()) {
        signal.throwIfAborted()
        const line = describeLine(bytes)
        if (paced && tellsTime(line, begun)) await pace.reach(line.timeMs, signal)
        happenedLine = number
        if (line.trade)
          lastIds.set(line.trade.product, Math.max(line.trade.tradeId, lastIds.get(line.trade.product) ?? 0))
        // Each client is told of its own subscriptions.
        if (line.type !== 'subscriptions') yield line.frame
      }
    },
  }
}

interface DescribedLine {
  readonly type: unknown
  readonly timeMs: number
  readonly frame: MarketFrame
  readonly trade: { readonly product: string; readonly tradeId: number } | undefined
}

function describeLine(bytes: Buffer): DescribedLine {
  const message = decodeMessage(bytes)
  const text = bytes.toString()
  const data = Buffer.from(text).equals(bytes) ? text : bytes
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch {
    fields = undefined
  }
  const { type, product_id: product, time } = isFields(fields) ? fields : {}
  return {
    type,
    timeMs: typeof time === 'string' ? Date.parse(time) : Number.NaN,
    frame: { product: typeof product === 'string' ? product : undefined, channel: channelOf(type), data },
    trade: message.type === 'trade' ? message.trade : undefined,
  }
}

function channelOf(type: unknown): Channel | undefined {
  if (type === 'match' || type === 'last_match') return 'matches'
  return type === 'ticker' || type === 'heartbeat' ? type : undefined
}

/** Whether the line says how late it was: the old trades that begin a recording may be hours older. */
function tellsTime({ type, timeMs, trade }: DescribedLine, begun: Set<string>): boolean {
  if (Number.isNaN(timeMs) || type === 'last_match') return false
  if (type !== 'ticker' || !trade || begun.has(trade.product)) return true
  begun.add(trade.product)
  return false
}

/** Turns recorded times into waits. */
class Pace {
  readonly #clock: Clock
  readonly #speed: number
  readonly #startedMs: number
  #latestMs: number | undefined
  #elapsedMs = 0

  constructor(clock: Clock, speed: number) {
    this.#clock = clock
    this.#speed = speed
    this.#startedMs = clock.now()
  }

  async reach(timeMs: number, signal: AbortSignal): Promise<void> {
    const stepMs = timeMs - (this.#latestMs ?? timeMs)
    // A time in the past (a re-sent trade) is due at once.
    if (stepMs < 0) return
    this.#latestMs = timeMs
    this.#elapsedMs += Math.min(stepMs, silenceMsMax)
    const waitMs = this.#startedMs + this.#elapsedMs / this.#speed - this.#clock.now()
    if (waitMs >= 1) await this.#clock.sleep(waitMs, signal)
  }
}

/** Newest first. `trades` are newest first too. */
function candles(
  trades: readonly ExchangeTrade[],
  { granularityMs, startMs, endMs }: CandleRange,
): readonly CandleRow[] {
  const rows: [number, number, number, number, number, number][] = []
  for (const trade of trades) {
    const candleMs = Math.floor(Date.parse(trade.time) / granularityMs) * granularityMs
    if (candleMs < startMs || candleMs > endMs) continue
    const price = Number(trade.price)
    const row = rows.at(-1)
    if (row?.[0] === candleMs / 1000) {
      row[1] = Math.min(row[1], price)
      row[2] = Math.max(row[2], price)
      // Going back in time, the last seen is the first of the candle.
      row[3] = price
      row[5] += Number(trade.size)
    } else {
      rows.push([candleMs / 1000, price, price, price, price, Number(trade.size)])
    }
  }
  return rows
}
