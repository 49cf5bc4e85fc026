import { backoffMs, type Clock, type RetryPolicy, RivuletError } from 'rivulet'
import type { Trade } from '../trade.ts'
import { type CoinbaseRest, restPageTrades } from './rest.ts'
import type { RestPage } from './rest-page.ts'
import type { Gap, TradeSequencer } from './trade-sequencer.ts'

/** The REST API lags behind the socket: how often it is asked again for what it does not have, and how soon. */
const missingAsksMax = 3
const refutingAsksMax = 8
const askAgainPolicy: RetryPolicy = { initialMs: 250, waitMsMax: 8_000 }
/** No lag explains an id so far beyond the newest that the REST API knows. */
export const plausibleLagTrades = 10_000

/** What fetching the missing trades of a product comes to. */
export type BackfillEvent = { readonly product: string } & (
  | { readonly type: 'recovering'; readonly recovering: boolean }
  | { readonly type: 'backfilled'; readonly trades: number }
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
    this.#asks = 0
    this.#phase = sequencer.gap ? 'asked' : 'idle'
    if (sequencer.gap) yield { type: 'recovering', product, recovering: true }
  }

  async *#goOn(signal: AbortSignal): BackfillEvents {
    const { product, sequencer } = this.#options
    const { gap } = sequencer
    if (gap) yield* this.#step(gap, signal)
    this.#phase = gap ? 'asked' : 'idle'
    yield gap ? { type: 'asked', product } : { type: 'recovering', product, recovering: false }
  }

  async *#step(gap: Gap, signal: AbortSignal): BackfillEvents {
    const { clock, backfillTradesMax } = this.#options
    const isTooLong = gap.toId - gap.fromId + 1 > backfillTradesMax
    try {
      const isCloser = yield* isTooLong ? this.#shorten(gap, signal) : this.#fetch(gap, signal)
      this.#asks = isCloser ? 0 : this.#asks + 1
      if (!isCloser) await clock.sleep(backoffMs(askAgainPolicy, this.#asks, clock), signal)
    } catch (error) {
      // The REST API does not know this product at all.
      if (!(error instanceof RivuletError) || error.retryable) throw error
      yield* this.#giveUp(error.message)
    }
  }

  /** Returns whether it came closer to the gap's end. */
  async *#fetch(gap: Gap, signal: AbortSignal): BackfillEvents<boolean> {
    const { product, sequencer, rest } = this.#options
    const beforeId = Math.min(gap.fromId + restPageTrades, gap.toId + 1)
    const page = await rest.tradesBetween(product, gap.fromId, beforeId, signal)
    let trades = 0
    for (const trade of page.trades) {
      if (trade.tradeId < beforeId && sequencer.fill(trade) === 'accepted') trades++
    }
    yield { type: 'backfilled', product, trades }
    if (trades > 0) return true
    if (this.#asks < missingAsksMax) return false
    for (const bad of page.bad) {
      const { tradeId } = bad
      if (tradeId === undefined || (tradeId >= gap.fromId && tradeId < beforeId)) {
        yield { type: 'undecodable', ...bad, product }
      }
    }
    const newestId = Math.max(page.newestId, await rest.newestId(product, signal))
    if (newestId >= gap.fromId) {
      yield this.#abandon(Math.min(beforeId, newestId + 1), 'the exchange does not have them')
      return true
    }
    if (this.#asks < refutingAsksMax) return false
    yield this.#refute(newestId)
    return true
  }

  /** A gap longer than the bound: only its newest end is fetched, unless what made it so long was garbage. */
  async *#shorten({ toId }: Gap, signal: AbortSignal): BackfillEvents<boolean> {
    const { product, rest, backfillTradesMax } = this.#options
    const newestId = await rest.newestId(product, signal)
    if (newestId >= toId) {
      yield this.#abandon(toId + 1 - backfillTradesMax, `more than ${backfillTradesMax} were missed`)
      return true
    }
    const isAbsurd = toId - newestId > plausibleLagTrades
    if (!isAbsurd && this.#asks < refutingAsksMax) return false
    yield this.#refute(newestId)
    return true
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
    this.#asks = 0
    for (let { gap } = sequencer; gap; { gap } = sequencer) yield this.#abandon(gap.toId + 1, why)
  }
}
