import type { Clock } from 'rivulet'
import { type Subscription, timer } from 'rxjs'

export interface RateLimit {
  readonly perSecond: number
  /** How many may go at once after a rest. */
  readonly burst: number
}

/**
 * A token bucket: grants in the order of asking. Timers fill it, for a clock that is set back would have everybody wait
 * until the time was what it had been.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #burst: number
  readonly #waiting = new Set<() => void>()
  #tokens: number
  /** Absent: it is full. */
  #filling: Subscription | undefined

  constructor({ perSecond, burst }: RateLimit, clock: Clock) {
    this.#clock = clock
    this.#intervalMs = 1000 / perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes a token if one is there now. */
  tryTake(): boolean {
    if (this.#tokens === 0) return false
    this.#tokens--
    this.#filling ??= this.#fillAfter(this.#intervalMs)
    return true
  }

  /** Resolves when the caller may go; rejects with the signal's reason when it is aborted. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.tryTake()) return
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting.delete(go)
        reject(signal.reason)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Nobody goes before `ms` have passed: the server said that it is too much. */
  pause(ms: number): void {
    this.#tokens = 0
    this.#filling?.unsubscribe()
    this.#filling = this.#fillAfter(ms)
  }

  #fillAfter(ms: number): Subscription {
    return timer(ms, this.#intervalMs, this.#clock.scheduler).subscribe(() => this.#fill())
  }

  #fill(): void {
    const [next] = this.#waiting
    if (next) {
      this.#waiting.delete(next)
      next()
      return
    }
    this.#tokens++
    if (this.#tokens < this.#burst) return
    this.#filling?.unsubscribe()
    this.#filling = undefined
  }
}
