import type { Logger } from 'rivulet'
import type { Trade } from '../trade.ts'

/** How long one product may keep the others waiting after a connection. */
const stalledChecksMax = 5

/** What an outlet sees of a product's tape. */
export interface Outflow {
  /** The next trade of the tape, if it is there. */
  readonly head: Trade | undefined
  take(): Trade | undefined
  /** Whether trades older than its head, or than those of others, may still have to be fetched. */
  readonly isBehind: boolean
}

/**
 * Lets the trades of all tapes out while downstream has room. Live, each product goes on its own. After a connection
 * all of them have missed the same stretch of time: until they have caught up, their trades come out in the order of
 * time, for windows downstream would take the slower ones' for late. A product that can't be fetched stops that.
 */
export class Outlet {
  readonly #tapes: readonly Outflow[]
  readonly #logger: Logger
  #paused = false
  #isConnected = false
  #catchingUp = false
  #stalledChecks = 0

  constructor(tapes: readonly Outflow[], logger: Logger) {
    this.#tapes = tapes
    this.#logger = logger
  }

  /** Whether a trade of any tape may be the next, whichever tape something has changed about. */
  get isCatchingUp(): boolean {
    return this.#catchingUp
  }

  setPaused(paused: boolean): void {
    this.#paused = paused
  }

  /** A new connection: what was missed is not known yet. */
  connected(): void {
    this.#isConnected = true
    this.#catchingUp = this.#tapes.some((tape) => tape.isBehind)
    this.#stalledChecks = 0
  }

  /** Until the next connection nobody says what was missed: that is no product's fault. */
  disconnected(): void {
    this.#isConnected = false
  }

  /** To be called about every second: ends the waiting for a product that does not come. */
  check(): void {
    if (!this.#catchingUp || this.#paused || !this.#isConnected) return
    this.#stalledChecks++
    if (this.#stalledChecks < stalledChecksMax) return
    this.#logger.warn('a product can not be caught up with: the others go on')
    this.#catchingUp = false
  }

  /** The next trade that may go out, now that something has changed about this tape. */
  take(tape: Outflow): Trade | undefined {
    if (this.#paused) return undefined
    const trade = this.#catchingUp ? this.#takeOldest() : tape.take()
    if (trade) this.#stalledChecks = 0
    return trade
  }

  /** The oldest head, unless an older trade may come from elsewhere. */
  #takeOldest(): Trade | undefined {
    let oldest: Outflow | undefined
    for (const tape of this.#tapes) {
      const { head } = tape
      if (!head && tape.isBehind) return undefined
      if (head && head.timestampMs < (oldest?.head?.timestampMs ?? Number.POSITIVE_INFINITY)) oldest = tape
    }
    // All that was missed has gone out.
    if (!oldest) this.#catchingUp = false
    return oldest?.take()
  }
}
