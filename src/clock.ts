import { asyncScheduler, type SchedulerLike } from 'rxjs'
import { whenAborted } from './aborted.ts'

/**
 * All that a run takes from outside of its data: wall-clock time, timers, and chance. Time is an RxJS scheduler's, so that
 * under a `VirtualTimeScheduler` or a `TestScheduler` everything that waits is virtual; with a seeded `random`, a run can be
 * repeated. Nothing else in Rivulet asks `Date`, sets a timer or throws dice.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** For RxJS operators: `timer(ms, clock.scheduler)`. */
  readonly scheduler: SchedulerLike
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Does it when what is under way is done, before any timer of later: out of a socket's callback, for one. */
  soon(work: () => void): void
  /** A number in [0, 1). */
  random(): number
}

/**
 * A clock over an RxJS scheduler. Default: the machine's time, and `Math.random`.
 *
 * @example
 * ```ts
 * const scheduler = new VirtualTimeScheduler()
 * const clock = createClock(scheduler, () => 0.5)
 * ```
 */
export function createClock(
  scheduler: SchedulerLike = asyncScheduler,
  random: () => number = Math.random,
): Clock {
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
        if (signal) whenAborted(signal, abort)
      }),
    // A timer of 0 ms takes one millisecond, and many of them are set on the way of each fetch.
    soon: (work) => void (scheduler === asyncScheduler ? setImmediate(work) : scheduler.schedule(work)),
    random,
  }
}

/** The machine's time and chance. */
export const systemClock: Clock = createClock()

/** A new id in the form of a UUID of version 4, by the clock's dice. */
export function newUuid({ random }: Pick<Clock, 'random'>): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x40
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
