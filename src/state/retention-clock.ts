/** Event time as a store has seen it go by, and how far back the store remembers from there. */
export class RetentionClock {
  readonly #retentionMs: number
  #observedMs = Number.NEGATIVE_INFINITY

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
  }

  /** Where memory begins: what lies before is forgotten; of what lies right there, each store says. −Infinity at first. */
  get horizonMs(): number {
    return this.#observedMs - this.#retentionMs
  }

  /** Where it will begin once that time is observed. */
  horizonAfter(timeMs: number): number {
    return Math.max(this.#observedMs, timeMs) - this.#retentionMs
  }

  /** Answers whether the time is later than all before: then the horizon has moved. */
  observe(timeMs: number): boolean {
    if (timeMs <= this.#observedMs) return false
    this.#observedMs = timeMs
    return true
  }
}
