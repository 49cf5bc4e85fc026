import { backoffMs, type Clock, type Logger, type RetryPolicy, RivuletError } from 'rivulet'
import { firstValueFrom, fromEvent, merge } from 'rxjs'
import type { Trade } from '../trade.ts'
import type { Outlet } from './outlet.ts'
import { type CoinbaseRest, REST_PAGE_TRADES } from './rest.ts'
import { type Gap, TradeSequencer } from './trade-sequencer.ts'

/** The REST API lags behind the socket: how often it is asked again for what it does not have, and how soon. */
const MISSING_ASKS_MAX = 3
const REFUTING_ASKS_MAX = 8
const ASK_AGAIN: RetryPolicy = { initialMs: 250, waitMsMax: 8_000 }
/** No lag explains an id so far beyond the newest that the REST API knows. */
const PLAUSIBLE_LAG_TRADES = 10_000

export interface ProductTapeOptions {
  readonly product: string
  /** The id at the end of the topic, if it has trades of this product. */
  readonly lastId: number | undefined
  readonly rest: CoinbaseRest
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** How long a gap may be nothing but two channels out of step. */
  readonly graceMs: number
  readonly backfillTradesMax: number
  readonly heldTradesMax: number
  readonly outlet: Outlet
  readonly count: (counter: 'duplicates' | 'gaps' | 'backfilled', by: number) => void
  /** A trade that can't be true, or that REST gives in a shape that can't be decoded. */
  readonly deadLetter: (bytes: Buffer, reason: string, tradeId: number | undefined) => void
  /** Called when fetching begins and when it ends. */
  readonly onRecovering: (recovering: boolean) => void
  readonly onError: (error: unknown) => void
}

/**
 * The tape of one product: live trades come in as they arrive, the tape goes out in order, each trade once. A gap is
 * filled from its old end through REST, page by page, while newer live trades are held back.
 */
export class ProductTape {
  readonly #options: ProductTapeOptions
  readonly #sequencer: TradeSequencer<Trade>
  #filling = false
  #warnedAhead = false
  /** Connected, but not told yet what was missed. */
  #expecting = false

  constructor(options: ProductTapeOptions) {
    this.#options = options
    const { lastId, heldTradesMax, outlet } = options
    this.#sequencer = new TradeSequencer({ lastId, heldTradesMax })
    outlet.add(this)
  }

  get head(): Trade | undefined {
    return this.#sequencer.head
  }

  take(): Trade | undefined {
    return this.#sequencer.take()
  }

  get isBehind(): boolean {
    return this.#expecting || this.#filling || this.#sequencer.gap !== undefined
  }

  /** `expecting`: whether the exchange will say how far the product has come; an empty tape has missed nothing. */
  connected({ expecting }: { expecting: boolean }): void {
    this.#expecting = expecting && this.#sequencer.nextId !== undefined
  }

  receive(trade: Trade): void {
    const offered = this.#sequencer.offer(trade)
    if (offered === 'duplicate') this.#options.count('duplicates', 1)
    this.#changed()
  }

  /** The exchange said that this trade exists. */
  announce(tradeId: number): void {
    this.#sequencer.announce(tradeId)
    this.#warnIfAhead(tradeId)
    this.#changed()
  }

  /** The exchange sent this trade, but it could not be read: it is owed. */
  owe(tradeId: number): void {
    this.#sequencer.begin(tradeId)
    this.announce(tradeId)
  }

  /** Nothing more is to be expected of this product. */
  dismiss(): void {
    this.#changed()
  }

  /** All that comes is taken for known then: ids that began anew, or another exchange's tape. */
  #warnIfAhead(newestId: number): void {
    const { product, logger } = this.#options
    const { nextId = 0 } = this.#sequencer
    if (this.#warnedAhead || newestId === 0 || nextId - newestId <= PLAUSIBLE_LAG_TRADES) return
    this.#warnedAhead = true
    logger.error(
      { product, nextId, newestId },
      'the tape is far ahead of the exchange: its trades are dropped as known',
    )
  }

  #changed(): void {
    this.#expecting = false
    this.#release()
  }

  #release(): void {
    this.#options.outlet.release(this)
    if (!this.#filling && this.#sequencer.gap) this.#startFilling()
  }

  #startFilling(): void {
    const { signal, onError } = this.#options
    this.#filling = true
    this.#fill(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) onError(error)
      })
      .finally(() => {
        this.#filling = false
        // What was announced after the last look would else wait for the next message.
        if (!signal.aborted) this.#release()
      })
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { clock, graceMs, onRecovering } = this.#options
    await clock.sleep(graceMs, signal)
    if (!this.#sequencer.gap) return
    onRecovering(true)
    try {
      for (let asks = 0; ; ) {
        const gap = await this.#nextGap(signal)
        if (!gap) return
        asks = (await this.#step(gap, asks, signal)) ? 0 : asks + 1
        if (asks > 0) await clock.sleep(backoffMs(ASK_AGAIN, asks, clock), signal)
      }
    } catch (error) {
      if (!(error instanceof RivuletError) || error.retryable) throw error
      this.#giveUp(error)
    } finally {
      onRecovering(false)
    }
  }

  /** What is fetched next: nothing while the outlet has not taken what is there. */
  async #nextGap(signal: AbortSignal): Promise<Gap | undefined> {
    const { outlet } = this.#options
    outlet.release(this)
    while (this.#sequencer.head) {
      await firstValueFrom(merge(outlet.moved, fromEvent(signal, 'abort')))
      signal.throwIfAborted()
    }
    return this.#sequencer.gap
  }

  /** Returns whether it came closer to the gap's end. */
  async #step(gap: Gap, asks: number, signal: AbortSignal): Promise<boolean> {
    const { rest, product, backfillTradesMax } = this.#options
    if (gap.toId - gap.fromId + 1 > backfillTradesMax) return this.#shorten(gap, asks, signal)
    const beforeId = Math.min(gap.fromId + REST_PAGE_TRADES, gap.toId + 1)
    const page = await rest.tradesBetween(product, gap.fromId, beforeId, signal)
    let fetched = 0
    for (const trade of page.trades) {
      if (trade.tradeId < beforeId && this.#sequencer.fill(trade) === 'accepted') fetched++
    }
    this.#options.count('backfilled', fetched)
    this.#options.outlet.release(this)
    if (fetched > 0) return true
    if (asks < MISSING_ASKS_MAX) return false
    for (const { tradeId, reason, bytes } of page.bad) {
      if (tradeId === undefined || (tradeId >= gap.fromId && tradeId < beforeId)) {
        this.#options.deadLetter(bytes, reason, tradeId)
      }
    }
    const newestId = Math.max(page.newestId, await rest.newestId(product, signal))
    if (newestId < gap.fromId) return asks >= REFUTING_ASKS_MAX && this.#refute(newestId)
    return this.#abandon(Math.min(beforeId, newestId + 1), 'the exchange does not have them')
  }

  /** A gap longer than the bound: only its newest end is fetched, unless what made it so long was garbage. */
  async #shorten({ toId }: Gap, asks: number, signal: AbortSignal): Promise<boolean> {
    const { rest, product, backfillTradesMax } = this.#options
    const newestId = await rest.newestId(product, signal)
    if (newestId >= toId) {
      return this.#abandon(toId + 1 - backfillTradesMax, `more than ${backfillTradesMax} were missed`)
    }
    const absurd = toId - newestId > PLAUSIBLE_LAG_TRADES
    return (absurd || asks >= REFUTING_ASKS_MAX) && this.#refute(newestId)
  }

  #refute(newestId: number): boolean {
    const { product, logger, deadLetter } = this.#options
    logger.warn(
      { product, newestId },
      'the exchange knows no trades as new as were announced: ignoring those',
    )
    for (const trade of this.#sequencer.refuteAfter(newestId)) {
      const reason = `trade_id ${trade.tradeId} is beyond the exchange's newest, ${newestId}`
      deadLetter(Buffer.from(JSON.stringify(trade)), reason, trade.tradeId)
    }
    return true
  }

  #abandon(beforeId: number, why: string): boolean {
    const { product, logger, count, outlet } = this.#options
    const fromId = this.#sequencer.nextId
    const trades = this.#sequencer.abandonBefore(beforeId)
    count('gaps', trades)
    if (trades > 0) logger.warn({ product, trades, fromId }, `a gap of ${trades} trades stays: ${why}`)
    outlet.release(this)
    return true
  }

  /** The REST API does not know this product at all. */
  #giveUp(error: RivuletError): void {
    for (let gap = this.#sequencer.gap; gap; gap = this.#sequencer.gap) {
      this.#abandon(gap.toId + 1, error.message)
    }
  }
}
