import type { Logger } from 'rivulet'
import type { Trade } from '../trade.ts'
import { Backfill, type BackfillEvent, type BackfillOptions, plausibleLagTrades } from './backfill.ts'
import type { Outflow } from './outlet.ts'
import { TradeSequencer } from './trade-sequencer.ts'

export interface ProductTapeOptions extends Omit<BackfillOptions, 'sequencer'> {
  /** The id at the end of the topic, if it has trades of this product. */
  readonly lastId: number | undefined
  /** How many live trades may wait for older ones. */
  readonly heldTradesMax: number
  readonly logger: Logger
}

/**
 * The tape of one product: live trades come in as they arrive, the tape goes out in order, each trade once. While a
 * gap is filled through REST, newer live trades are held back.
 */
export class ProductTape implements Outflow {
  readonly product: string
  readonly #logger: Logger
  readonly #sequencer: TradeSequencer<Trade>
  readonly #backfill: Backfill
  #warnedAhead = false
  #isRejected = false
  /** Connected, but not told yet what was missed. */
  #expecting = false

  constructor(options: ProductTapeOptions) {
    const { product, logger, lastId, heldTradesMax } = options
    this.product = product
    this.#logger = logger
    this.#sequencer = new TradeSequencer({ lastId, heldTradesMax })
    this.#backfill = new Backfill({ ...options, sequencer: this.#sequencer })
  }

  get head(): Trade | undefined {
    return this.#sequencer.head
  }

  take(): Trade | undefined {
    return this.#sequencer.take()
  }

  get isBehind(): boolean {
    return this.#expecting || this.#backfill.isActive || this.#sequencer.gap !== undefined
  }

  /** Whether REST is to be asked, now that all that may go out is out. */
  get isBackfillDue(): boolean {
    return this.#backfill.isDue
  }

  backfill(signal: AbortSignal): AsyncIterable<BackfillEvent> {
    return this.#backfill.ask(signal)
  }

  /** The exchange will say how far the product has come, unless it rejected it; an empty tape has missed nothing. */
  connected(): void {
    this.#expecting = !this.#isRejected && this.#sequencer.nextId !== undefined
  }

  receive(trade: Trade): 'accepted' | 'duplicate' | 'full' {
    this.#expecting = false
    return this.#sequencer.offer(trade)
  }

  /** The exchange said that this trade exists. */
  announce(tradeId: number): void {
    this.#expecting = false
    this.#sequencer.announce(tradeId)
    this.#warnIfAhead(tradeId)
  }

  /** The exchange sent this trade, but it could not be read: it is owed. */
  owe(tradeId: number): void {
    this.#sequencer.begin(tradeId)
    this.announce(tradeId)
  }

  /** Nothing more is to be expected of this product. */
  reject(): void {
    this.#isRejected = true
    this.#expecting = false
  }

  /** All that comes is taken for known then: ids that began anew, or another exchange's tape. */
  #warnIfAhead(newestId: number): void {
    const { nextId = 0 } = this.#sequencer
    if (this.#warnedAhead || newestId === 0 || nextId - newestId <= plausibleLagTrades) return
    this.#warnedAhead = true
    this.#logger.error(
      { product: this.product, nextId, newestId },
      'the tape is far ahead of the exchange: its trades are dropped as known',
    )
  }
}
