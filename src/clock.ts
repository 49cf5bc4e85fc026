import { asyncScheduler, type SchedulerLike } from 'rxjs'

/**
 * Wall-clock time and timers, both from one RxJS scheduler, so that under a `VirtualTimeScheduler` or a
 * `TestScheduler` everything that waits is virtual. Nothing else in Rivulet asks `Date` or sets a timer.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** For RxJS operators: `timer(ms, clock.scheduler)`. */
  readonly scheduler: SchedulerLike
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export function createClock(scheduler: SchedulerLike = asyncScheduler): Clock {
  return {
    now: () => scheduler.now(),
    scheduler,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const abort = () => {
          timer.unsubscribe()
          reject(signal?.reason)
        }
        const timer = scheduler.schedule(() => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }, ms)
        signal?.addEventListener('abort', abort, { once: true })
      }),
  }
}

export const systemClock: Clock = createClock()
