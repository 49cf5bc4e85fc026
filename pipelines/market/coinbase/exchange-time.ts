import type { Clock } from 'rivulet'

/** As far as Kafka lets a record's time lie ahead by default (`message.timestamp.after.max.ms`). */
const aheadMsMax = 3_600_000

/**
 * Up to when a trade can be: a little after the exchange's clock and ours, whichever is later. One trade of a false
 * time far ahead would close all windows of its symbol, and be refused by Kafka. Our clock alone would not do: where
 * it is slow, every trade would look like that.
 */
export class ExchangeTime {
  readonly #clock: Clock
  #heardMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The exchange said what time it is. The last word counts: one that was false is forgotten with the next heartbeat. */
  heard(timestampMs: number): void {
    this.#heardMs = Number.isNaN(timestampMs) ? Number.NEGATIVE_INFINITY : timestampMs
  }

  /** No trade is later, ms since the epoch. */
  get latestMs(): number {
    return Math.max(this.#clock.now(), this.#heardMs) + aheadMsMax
  }
}
