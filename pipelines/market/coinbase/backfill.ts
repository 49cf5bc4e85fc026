import { backoffMs, type Clock, type RetryPolicy, RivuletError } from 'rivulet'
import type { Trade } from '../trade.ts'
import { type CoinbaseRest, restPageTrades } from './rest.ts'
import type { RestPage } from './rest-page.ts'
import type { Gap, TradeSequencer } from './trade-sequencer.ts'

/** How often REST is asked for trades that are not among others which it gives: then it does not have them. */
const missingAsksMax = 3
/** Some of what answers there lags behind the socket: how soon it is asked again. */
const askAgainPolicy: RetryPolicy = { initialMs: 250, waitMsMax: 8_000 }
/** No lag explains an id so far beyond the newest that the REST API knows. */
export const plausibleLagTrades = 10_000

/** Of the first trade and of the last, ms since the epoch. */
export interface TimeOfTrades {
  readonly fromMs: number
  readonly toMs: number
}

/** What fetching the missing trades of a product comes to. */
export type BackfillEvent = { readonly product: string } & (
  | { readonly type: 'recovering'; readonly gap: Gap }
  /** Nothing is missing any more. */
  | { readonly type: 'recovered' }
  /** Trades of this time were fetched; undefined: none. */
  | { readonly type: 'backfilled'; readonly trades: number; readonly span: TimeOfTrades | undefined }
  /** These trades, from `fromId` on, are given up. */
  | {
      readonly type: 'gap'
      readonly trades: number
      readonly fromId: number | undefined
      readonly why: string
    }
  /** REST gives this trade in a shape that can't be decoded. */
  | ({ readonly type: 'undecodable' } & RestPage['bad'][number])
  /** The socket gave these trades, but they are beyond the exchange's newest. */
  | { readonly type: 'refuted'; readonly trades: readonly Trade[]; readonly newestId: number }
  /** A request is done with. */
  | { readonly type: 'asked' }
)

type BackfillEvents<Result = void> = AsyncGenerator<BackfillEvent, Result>

export interface BackfillOptions {
  readonly product: string
  readonly sequencer: TradeSequencer<Trade>
  readonly rest: CoinbaseRest
  readonly clock: Clock
  /** How long a gap may be nothing but two channels out of step. */
  readonly graceMs: number
  /** Of a longer gap only the newest trades are fetched. */
  readonly backfillTradesMax: number
  /** How long the REST API may not know, in waits, what the socket has shown. */
  readonly lagMsMax: number
}

/**
 * Fills the gaps of one product through REST, from their old end, page by page. Asks for a page only when all trades
 * before it have gone out: whoever is downstream sets the pace.
 */
export class Backfill {
  readonly #options: BackfillOptions
  #phase: 'idle' | 'asking' | 'asked' = 'idle'
  /** How often in a row REST was asked without coming closer to the gap's end. */
  #asks = 0
  /** How long it was waited in between. */
  #waitedMs = 0

  constructor(options: BackfillOptions) {
    this.#options = options
  }

  /** From the first look at a gap until nothing is missing. */
  get isActive(): boolean {
    return this.#phase !== 'idle'
  }

  /** Whether it is time to `ask`. */
  get isDue(): boolean {
    const { sequencer } = this.#options
    if (this.#phase === 'idle') return sequencer.gap !== undefined
    return this.#phase === 'asked' && sequencer.head === undefined
  }

  /** Does what is next about a gap. The trades that come of it are in the sequencer before it is told. */
  ask(signal: AbortSignal): BackfillEvents {
    const begins = this.#phase === 'idle'
    this.#phase = 'asking'
    return begins ? this.#begin(signal) : this.#goOn(signal)
  }

  async *#begin(signal: AbortSignal): BackfillEvents {
    const { product, sequencer, clock, graceMs } = this.#options
    await clock.sleep(graceMs, signal)
    this.#came()
    this.#phase = sequencer.gap ? 'asked' : 'idle'
    if (sequencer.gap) yield { type: 'recovering', product, gap: sequencer.gap }
  }

  async *#goOn(signal: AbortSignal): BackfillEvents {
    const { product, sequencer } = this.#options
    const { gap } = sequencer
    if (gap) yield* this.#step(gap, signal)
    this.#phase = gap ? 'asked' : 'idle'
    yield gap ? { type: 'asked', product } : { type: 'recovered', product }
  }

  async *#step(gap: Gap, signal: AbortSignal): BackfillEvents {
    const { clock, backfillTradesMax } = this.#options
    const isTooLong = gap.toId - gap.fromId + 1 > backfillTradesMax
    try {
      const isCloser = yield* isTooLong ? this.#shorten(gap, signal) : this.#fetch(gap, signal)
      if (isCloser) {
        this.#came()
        return
      }
      const waitMs = backoffMs(askAgainPolicy, ++this.#asks, clock)
      this.#waitedMs += waitMs
      await clock.sleep(waitMs, signal)
    } catch (error) {
      // The REST API refuses to say anything of this product.
      if (!(error instanceof RivuletError) || error.retryable) throw error
      yield* this.#giveUp(error.message)
    }
  }

  /** Returns whether it came closer to the gap's end. */
  async *#fetch(gap: Gap, signal: AbortSignal): BackfillEvents<boolean> {
    const { product, sequencer, rest } = this.#options
    const { fromId } = gap
    // The trade behind the gap is asked for, too: an answer that has it lags behind nothing that is missing.
    const toId = Math.min(fromId + restPageTrades - 1, gap.toId + 1)
    const page = await rest.tradesBetween(product, fromId, toId, signal)
    let trades = 0
    let span: TimeOfTrades | undefined
    for (const trade of page.trades) {
      if (trade.tradeId > gap.toId || sequencer.fill(trade) !== 'accepted') continue
      trades++
      span = { fromMs: span?.fromMs ?? trade.timestampMs, toMs: trade.timestampMs }
    }
    yield { type: 'backfilled', product, trades, span }
    if (trades > 0) return true
    const isBehind = page.newestId < fromId
    if (isBehind ? this.#waitedMs < this.#options.lagMsMax : this.#asks < missingAsksMax) return false
    for (const bad of page.bad) {
      const { tradeId = fromId } = bad
      if (tradeId >= fromId && tradeId <= gap.toId) yield { type: 'undecodable', ...bad, product }
    }
    if (!isBehind) {
      yield this.#abandon(page.newestId + 1, 'the exchange does not have them')
      return true
    }
    const newestId = await rest.newestId(product, signal)
    yield newestId < fromId
      ? this.#refute(newestId)
      : this.#abandon(Math.min(toId, newestId + 1), 'the exchange does not show them')
    return true
  }

  /** A gap longer than the bound: only its newest end is fetched, unless what made it so long was garbage. */
  async *#shorten({ toId }: Gap, signal: AbortSignal): BackfillEvents<boolean> {
    const { product, rest, backfillTradesMax, lagMsMax } = this.#options
    const newestId = await rest.newestId(product, signal)
    if (newestId >= toId) {
      yield this.#abandon(toId + 1 - backfillTradesMax, `more than ${backfillTradesMax} were missed`)
      return true
    }
    // An empty answer says nothing.
    const isAbsurd = newestId > 0 && toId - newestId > plausibleLagTrades
    if (this.#waitedMs < lagMsMax && !(isAbsurd && this.#asks >= missingAsksMax)) return false
    yield this.#refute(newestId)
    return true
  }

  #came(): void {
    this.#asks = 0
    this.#waitedMs = 0
  }

  #refute(newestId: number): BackfillEvent {
    const { product, sequencer } = this.#options
    return { type: 'refuted', product, trades: sequencer.refuteAfter(newestId), newestId }
  }

  #abandon(beforeId: number, why: string): BackfillEvent {
    const { product, sequencer } = this.#options
    const fromId = sequencer.nextId
    return { type: 'gap', product, trades: sequencer.abandonBefore(beforeId), fromId, why }
  }

  *#giveUp(why: string): Generator<BackfillEvent> {
    const { sequencer } = this.#options
    this.#came()
    for (let { gap } = sequencer; gap; { gap } = sequencer) yield this.#abandon(gap.toId + 1, why)
  }
}
