import type { Clock } from 'rivulet'

export interface RateLimit {
  readonly perSecond: number
  /** How many may go at once after a rest. */
  readonly burst: number
}

/** A token bucket in virtual time: grants in the order of asking. */
export class RateLimiter {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #burstMs: number
  /** When the bucket would be full again: each grant moves it by one interval. */
  #fullAtMs = Number.NEGATIVE_INFINITY

  constructor({ perSecond, burst }: RateLimit, clock: Clock) {
    this.#clock = clock
    this.#intervalMs = 1000 / perSecond
    this.#burstMs = (burst - 1) * this.#intervalMs
  }

  /** Takes a token if one is there now. */
  tryTake(): boolean {
    const nowMs = this.#clock.now()
    if (this.#fullAtMs - nowMs > this.#burstMs) return false
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs
    return true
  }

  /** Resolves when the caller may go; rejects with the signal's reason when it is aborted. */
  async take(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.now()
    const waitMs = this.#fullAtMs - nowMs - this.#burstMs
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs
    if (waitMs > 0) await this.#clock.sleep(Math.ceil(waitMs), signal)
    signal.throwIfAborted()
  }

  /** Nobody who asks from now on goes before `ms` have passed: the server said that it is too much. */
  pause(ms: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, this.#clock.now() + ms + this.#burstMs)
  }
}
