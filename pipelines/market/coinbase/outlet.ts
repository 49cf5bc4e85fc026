import type { Clock, Logger } from 'rivulet'
import { interval, Subject, Subscription } from 'rxjs'
import type { Trade } from '../trade.ts'

/** How long one product may keep the others waiting after a connection. */
const STALLED_CHECKS_MAX = 5
const CHECK_MS = 1_000

/** What an outlet sees of a product's tape. */
export interface Outflow {
  /** The next trade of the tape, if it is there. */
  readonly head: Trade | undefined
  take(): Trade | undefined
  /** Whether trades older than its head, or than those of others, may still have to be fetched. */
  readonly isBehind: boolean
}

export interface OutletOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly emit: (trade: Trade) => void
}

/**
 * Lets the trades of all tapes out while downstream has room. Live, each product goes on its own. After a connection
 * all of them have missed the same stretch of time: until they have caught up, their trades come out in the order of
 * time, for windows downstream would take the slower ones' for late. A product that can't be fetched stops that.
 */
export class Outlet {
  /** Something came out, or may: whoever waits for its head to go looks again. */
  readonly moved = new Subject<void>()
  readonly #options: OutletOptions
  readonly #tapes: Outflow[] = []
  readonly #stallTimer = new Subscription()
  #paused = false
  #catchingUp = false
  #stalledChecks = 0

  constructor(options: OutletOptions) {
    this.#options = options
    this.#stallTimer.add(interval(CHECK_MS, options.clock.scheduler).subscribe(() => this.#checkStall()))
  }

  add(tape: Outflow): void {
    this.#tapes.push(tape)
  }

  setPaused(paused: boolean): void {
    this.#paused = paused
    if (!paused) for (const tape of this.#tapes) this.release(tape)
  }

  /** A new connection: what was missed is not known yet. */
  connected(): void {
    this.#catchingUp = this.#tapes.some((tape) => tape.isBehind)
    this.#stalledChecks = 0
  }

  /** Something has changed about this tape: emits what may be emitted now. */
  release(tape: Outflow): void {
    const emitted = this.#catchingUp ? this.#emitByTime() : this.#emitAll(tape)
    if (emitted) this.#stalledChecks = 0
    if (this.#catchingUp && !this.#tapes.some((each) => each.isBehind)) this.#endCatchingUp()
    if (emitted) this.moved.next()
  }

  close(): void {
    this.#stallTimer.unsubscribe()
  }

  #emitAll(tape: Outflow): boolean {
    let emitted = false
    while (!this.#paused) {
      const trade = tape.take()
      if (!trade) break
      this.#options.emit(trade)
      emitted = true
    }
    return emitted
  }

  /** The oldest head first, for as long as no older trade can come from elsewhere. */
  #emitByTime(): boolean {
    let emitted = false
    while (!this.#paused) {
      let oldest: Outflow | undefined
      for (const tape of this.#tapes) {
        const { head } = tape
        if (!head && tape.isBehind) return emitted
        if (head && head.timestampMs < (oldest?.head?.timestampMs ?? Number.POSITIVE_INFINITY)) oldest = tape
      }
      const trade = oldest?.take()
      if (!trade) break
      this.#options.emit(trade)
      emitted = true
    }
    return emitted
  }

  #checkStall(): void {
    if (!this.#catchingUp || this.#paused) return
    this.#stalledChecks++
    if (this.#stalledChecks < STALLED_CHECKS_MAX) return
    this.#options.logger.warn('a product can not be caught up with: the others go on')
    this.#endCatchingUp()
  }

  #endCatchingUp(): void {
    this.#catchingUp = false
    for (const tape of this.#tapes) if (this.#emitAll(tape)) this.moved.next()
  }
}
