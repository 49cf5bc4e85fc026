import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { RateLimiter } from '../../../pipelines/market/rate-limiter.ts'
import { createClock } from '../../../src/clock.ts'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('RateLimiter', () => {
  test('grants a burst at once, and the others at the rate', async () => {
    const scheduler = new VirtualTimeScheduler()
    const clock = createClock(scheduler)
    const limiter = new RateLimiter({ perSecond: 10, burst: 3 }, clock)
    const grantedAtMs: number[] = []
    const { signal } = new AbortController()
    const all = Array.from({ length: 6 }, () =>
      limiter.take(signal).then(() => grantedAtMs.push(clock.now())),
    )
    await settle()
    expect(grantedAtMs).toEqual([0, 0, 0])
    for (const atMs of [100, 200, 300]) {
      scheduler.maxFrames = atMs
      scheduler.flush()
      await settle()
    }
    await Promise.all(all)
    expect(grantedAtMs).toEqual([0, 0, 0, 100, 200, 300])
  })

  test('refuses when nothing is left, until time has passed', () => {
    const scheduler = new VirtualTimeScheduler()
    const limiter = new RateLimiter({ perSecond: 10, burst: 2 }, createClock(scheduler))
    expect([limiter.tryTake(), limiter.tryTake(), limiter.tryTake()]).toEqual([true, true, false])
    passUntil(scheduler, 100)
    expect([limiter.tryTake(), limiter.tryTake()]).toEqual([true, false])
  })

  test('has no more after a long rest than go at once', () => {
    const scheduler = new VirtualTimeScheduler()
    const limiter = new RateLimiter({ perSecond: 10, burst: 2 }, createClock(scheduler))
    limiter.tryTake()
    passUntil(scheduler, 10_000)
    expect([limiter.tryTake(), limiter.tryTake(), limiter.tryTake()]).toEqual([true, true, false])
  })

  test('grants nothing while it is paused, also to those who wait already', async () => {
    const scheduler = new VirtualTimeScheduler()
    const limiter = new RateLimiter({ perSecond: 10, burst: 1 }, createClock(scheduler))
    limiter.tryTake()
    let hasGone = false
    const waiting = limiter.take(new AbortController().signal).then(() => {
      hasGone = true
    })
    limiter.pause(1_000)
    passUntil(scheduler, 999)
    await settle()
    expect([hasGone, limiter.tryTake()]).toEqual([false, false])
    passUntil(scheduler, 1_000)
    await waiting
    expect(limiter.tryTake()).toBe(false)
    passUntil(scheduler, 1_100)
    expect(limiter.tryTake()).toBe(true)
  })

  test('grants at its rate on a clock that is set back by an hour, or ahead', async () => {
    const scheduler = new VirtualTimeScheduler()
    let aheadMs = 0
    const clock = { ...createClock(scheduler), now: () => scheduler.now() + aheadMs }
    const limiter = new RateLimiter({ perSecond: 10, burst: 1 }, clock)
    for (const jumpMs of [-3_600_000, 3_600_000]) {
      limiter.tryTake()
      aheadMs += jumpMs
      expect(limiter.tryTake()).toBe(false)
      const next = limiter.take(new AbortController().signal)
      passUntil(scheduler, scheduler.now() + 200)
      await next
    }
  })

  test('lets go who waits when the signal is aborted', async () => {
    const scheduler = new VirtualTimeScheduler()
    const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, createClock(scheduler))
    const stop = new AbortController()
    await limiter.take(stop.signal)
    const waiting = limiter.take(stop.signal)
    stop.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
    await expect(limiter.take(stop.signal)).rejects.toThrow('stopped')
    passUntil(scheduler, 1_000)
    expect(limiter.tryTake()).toBe(true)
  })
})

function passUntil(scheduler: VirtualTimeScheduler, atMs: number): void {
  scheduler.maxFrames = atMs
  scheduler.flush()
  scheduler.frame = atMs
}
