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
    scheduler.frame = 100
    expect([limiter.tryTake(), limiter.tryTake()]).toEqual([true, false])
  })

  test('grants nothing while it is paused', async () => {
    const scheduler = new VirtualTimeScheduler()
    const limiter = new RateLimiter({ perSecond: 10, burst: 2 }, createClock(scheduler))
    limiter.pause(1_000)
    expect(limiter.tryTake()).toBe(false)
    scheduler.frame = 999
    expect(limiter.tryTake()).toBe(false)
    scheduler.frame = 1_000
    expect(limiter.tryTake()).toBe(true)
  })

  test('lets go who waits when the signal is aborted', async () => {
    const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, createClock(new VirtualTimeScheduler()))
    const stop = new AbortController()
    await limiter.take(stop.signal)
    const waiting = limiter.take(stop.signal)
    stop.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
  })
})
