import type { Logger } from 'rivulet'
import { concat, Observable, Subject } from 'rxjs'
import type { Trade } from '../trade.ts'
import type { BackfillEvent } from './backfill.ts'
import type { FeedEvent } from './feed-event.ts'
import { Outlet } from './outlet.ts'
import type { ProductTape } from './product-tape.ts'

/** Whatever may let a trade go out: what the feed says, what REST answered, a pause or its end, and time. */
export type TapeEvent =
  | FeedEvent
  | BackfillEvent
  | { readonly type: 'paused'; readonly paused: boolean }
  /** Comes about every second. */
  | { readonly type: 'stall check' }

export interface ProductTapesOptions {
  readonly tapes: readonly ProductTape[]
  readonly logger: Logger
  readonly countDuplicate: () => void
}

/** The tapes of all products: an event goes in, the trades that may go out then come out. */
export class ProductTapes {
  /** All that may go out of this tape is out, and what comes next is missing: REST is to be asked. */
  readonly backfillDue$ = new Subject<ProductTape>()
  readonly #byProduct: ReadonlyMap<string, ProductTape>
  /** Made once, and not for each trade: what may go out of a tape at the moment of subscribing. */
  readonly #released: ReadonlyMap<ProductTape, Observable<Trade>>
  readonly #allReleased: Observable<Trade>
  readonly #outlet: Outlet
  readonly #countDuplicate: () => void

  constructor({ tapes, logger, countDuplicate }: ProductTapesOptions) {
    this.#byProduct = new Map(tapes.map((tape) => [tape.product, tape]))
    this.#released = new Map(tapes.map((tape) => [tape, this.#release(tape)]))
    this.#allReleased = concat(...this.#released.values())
    this.#outlet = new Outlet(tapes, logger)
    this.#countDuplicate = countDuplicate
  }

  /** Takes the event in. The trades are taken out one by one, as they are asked for: each may bring a pause. */
  after(event: TapeEvent): Observable<Trade> {
    const changed = this.#take(event)
    const released = changed && !this.#outlet.isCatchingUp ? this.#released.get(changed) : undefined
    return released ?? this.#allReleased
  }

  /** Returns the tape that the event changed; undefined: it may be any. */
  #take(event: TapeEvent): ProductTape | undefined {
    const tapes = this.#byProduct
    switch (event.type) {
      case 'trade': {
        const tape = tapes.get(event.trade.product)
        if (tape?.receive(event.trade, event.isNewest) === 'duplicate') this.#countDuplicate()
        return tape
      }
      case 'heartbeat': {
        const tape = tapes.get(event.product)
        tape?.announce(event.lastTradeId)
        return tape
      }
      case 'bad':
        if (event.product && event.tradeId) tapes.get(event.product)?.owe(event.tradeId)
        return undefined
      case 'connected':
        for (const tape of tapes.values()) tape.connected()
        this.#outlet.connected()
        return undefined
      case 'rejected':
        for (const product of event.products) tapes.get(product)?.reject()
        return undefined
      case 'without heartbeats':
        for (const product of event.products) tapes.get(product)?.noHeartbeats()
        return undefined
      case 'paused':
        this.#outlet.setPaused(event.paused)
        return undefined
      case 'stall check':
        this.#outlet.check()
        return undefined
      case 'state':
        if (event.state === 'waiting') this.#outlet.disconnected()
        return undefined
      default:
        return tapes.get(event.product)
    }
  }

  #release(tape: ProductTape): Observable<Trade> {
    return new Observable((subscriber) => {
      for (let trade = this.#outlet.take(tape); trade; trade = this.#outlet.take(tape)) {
        subscriber.next(trade)
        if (subscriber.closed) return
      }
      if (tape.isBackfillDue) this.backfillDue$.next(tape)
      subscriber.complete()
    })
  }
}
