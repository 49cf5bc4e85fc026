import { type MonoTypeOperatorFunction, retry as rxRetry, throwError, timer } from 'rxjs'
import type { Clock } from './clock.ts'
import { isRetryable } from './errors.ts'

/** Exponential backoff with full jitter: the n-th wait is random in `[0, min(waitMsMax, initialMs × 2ⁿ⁻¹)]`, at least `initialMs / 2`. */
export interface RetryPolicy {
  /** The first wait is at most this, and every one at least half of it. */
  readonly initialMs: number
  /** No wait is longer, unless half of `initialMs` is. */
  readonly waitMsMax: number
  /** Tries in all, the first one included; absent: until it succeeds or is aborted. */
  readonly attemptsMax?: number
}

/** How often, how long, and after which errors. */
export interface RetryOptions {
  /** For the waits, and their dice. */
  readonly clock: Clock
  /** How often, and with which waits. */
  readonly policy: RetryPolicy
  /** Aborted: the wait ends, and nothing is tried again. */
  readonly signal?: AbortSignal
  /** Which errors are worth another try; default: a `RivuletError` that says so. */
  readonly retryable?: (error: unknown) => boolean
  /** Told before each wait: the error, which attempt failed (from 1), and how long the wait is. */
  readonly onRetry?: (error: unknown, attempt: number, waitMs: number) => void
}

/**
 * The wait after the `attempt`-th failure (from 1), in ms.
 *
 * @example
 * ```ts
 * backoffMs({ initialMs: 100, waitMsMax: 5_000 }, 3, systemClock) // from 50 to 400
 * ```
 */
export function backoffMs(policy: RetryPolicy, attempt: number, clock: Pick<Clock, 'random'>): number {
  const ceilingMs = Math.min(policy.waitMsMax, policy.initialMs * 2 ** Math.min(attempt - 1, 30))
  return Math.max(policy.initialMs / 2, clock.random() * ceilingMs)
}

/**
 * Runs `work` until it succeeds, its error is not retryable, the attempts are used up, or the signal aborts. Rejects
 * with the last error, or with the signal's reason.
 *
 * @example
 * ```ts
 * const text = await retry(async () => (await fetch('http://localhost/titles')).text(), {
 *   clock: systemClock,
 *   policy: { initialMs: 100, waitMsMax: 5_000, attemptsMax: 5 },
 *   retryable: () => true,
 * })
 * ```
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      if (!mayRetry(error, attempt, options)) throw error
      const waitMs = backoffMs(options.policy, attempt, options.clock)
      options.onRetry?.(error, attempt, waitMs)
      await options.clock.sleep(waitMs, options.signal)
    }
  }
}

/**
 * As `retry`, for an observable: subscribes again after the wait; a value that came through starts the count anew.
 *
 * @example
 * ```ts
 * click$.pipe(retryWithBackoff({ clock: systemClock, policy: { initialMs: 500, waitMsMax: 30_000 } }))
 * ```
 */
export function retryWithBackoff<T>(options: RetryOptions): MonoTypeOperatorFunction<T> {
  return rxRetry<T>({
    resetOnSuccess: true,
    delay: (error, attempt) => {
      if (!mayRetry(error, attempt, options)) return throwError(() => error)
      const waitMs = backoffMs(options.policy, attempt, options.clock)
      options.onRetry?.(error, attempt, waitMs)
      return timer(waitMs, options.clock.scheduler)
    },
  })
}

function mayRetry(error: unknown, attempt: number, { policy, retryable, signal }: RetryOptions): boolean {
  return (
    !signal?.aborted &&
    (retryable ?? isRetryable)(error) &&
    attempt < (policy.attemptsMax ?? Number.POSITIVE_INFINITY)
  )
}
