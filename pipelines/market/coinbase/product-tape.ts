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
  /** Connected, but not told yet how far the product is: what a subscription is answered with may be an old trade. */
  #expecting = false
  #hasHeartbeats = true
  /** Of those that have just happened when they came: they come in order, once each. */
  #newestOnConnection = 0

  constructor(options: ProductTapeOptions) {
    const { product, logger, lastId, heldTradesMax } = options
    this.product = product
    this.#logger = logger
    this.#sequencer = new TradeSequencer({ lastId, heldTradesMax })
    this.#backfill = new Backfill({ ...options, sequencer: this.#sequencer })
  }

  get head(): Trade | undefined {
    // An empty tape may still begin with an older trade.
    return this.#expecting && this.#sequencer.isEmpty ? undefined : this.#sequencer.head
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

  /** The exchange will say how far the product has come, unless it rejected it. */
  connected(): void {
    this.#expecting = !this.#isRejected
    this.#hasHeartbeats = true
    this.#newestOnConnection = 0
  }

  /** What comes of the product is all that is said of it on this connection; an empty tape has missed nothing. */
  noHeartbeats(): void {
    this.#hasHeartbeats = false
    if (this.#sequencer.nextId === undefined) this.#expecting = false
  }

  /**
   * `isNewest`: it has just happened. `known`: it has come another way, by another channel, from REST or before the connection;
   * `duplicate`: nothing explains that it comes again.
   */
  receive(trade: Trade, isNewest: boolean): 'accepted' | 'known' | 'duplicate' | 'full' {
    if (isNewest || !this.#hasHeartbeats) this.#expecting = false
    const isRepeated = isNewest && trade.tradeId <= this.#newestOnConnection
    if (isNewest && !isRepeated) this.#newestOnConnection = trade.tradeId
    const offered = this.#sequencer.offer(trade)
    return offered === 'duplicate' && !isRepeated ? 'known' : offered
  }

  /** The exchange said that this is the newest trade; 0: that it does not know, or that there is none. */
  announce(tradeId: number): void {
    if (tradeId > 0 || this.#sequencer.nextId === undefined) this.#expecting = false
    this.#know(tradeId)
  }

  /** The exchange sent this trade, but it could not be read: it is owed. */
  owe(tradeId: number): void {
    this.#sequencer.begin(tradeId)
    this.#know(tradeId)
  }

  /** Nothing more is to be expected of this product. */
  reject(): void {
    this.#isRejected = true
    this.#expecting = false
  }

  #know(tradeId: number): void {
    this.#sequencer.announce(tradeId)
    this.#warnIfAhead(tradeId)
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
