import { defer, of, throwError, VirtualTimeScheduler } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { createClock } from '../src/clock.ts'
import { RivuletError } from '../src/errors.ts'
import { backoffMs, retry, retryWithBackoff } from '../src/retry.ts'

const passing = new RivuletError('KAFKA_UNREACHABLE', 'away', { retryable: true })
const lasting = new RivuletError('BAD_CONFIG', 'wrong')
const policy = { initialMs: 100, waitMsMax: 1_000 }

describe('a retry', () => {
  test('waits longer each time, up to the most, and never less than half the first wait', () => {
    const most = (attempt: number) => backoffMs(policy, attempt, { random: () => 1 - Number.EPSILON })
    expect([1, 2, 3, 4, 5, 60].map((attempt) => Math.round(most(attempt)))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
    expect(backoffMs(policy, 5, { random: () => 0 })).toBe(50)
  })

  test('goes on until it succeeds, and tells each failure', async () => {
    const scheduler = new VirtualTimeScheduler()
    const told: [number, number][] = []
    let calls = 0
    const result = retry(
      async () => {
        calls++
        if (calls < 3) throw passing
        return 'done'
      },
      {
        clock: createClock(scheduler, () => 0.5),
        policy,
        onRetry: (_, attempt, waitMs) => {
          told.push([attempt, waitMs])
          // The timer is set behind this call.
          queueMicrotask(() => scheduler.flush())
        },
      },
    )
    await expect(result).resolves.toBe('done')
    expect(told).toEqual([
      [1, 50],
      [2, 100],
    ])
  })

  test.each([
    ['what does not pass', lasting, policy],
    ['an unknown error', new Error('?'), policy],
    ['the last of its attempts', passing, { ...policy, attemptsMax: 1 }],
  ])('gives up at once on %s', async (_, error, of) => {
    const work = async () => {
      throw error
    }
    await expect(retry(work, { clock: createClock(new VirtualTimeScheduler()), policy: of })).rejects.toBe(
      error,
    )
  })

  test('ends while it waits when it is aborted', async () => {
    const stop = new AbortController()
    const work = async () => {
      throw passing
    }
    const options = {
      clock: createClock(new VirtualTimeScheduler()),
      policy,
      signal: stop.signal,
      onRetry: () => queueMicrotask(() => stop.abort('over')),
    }
    await expect(retry(work, options)).rejects.toBe('over')
  })

  test('subscribes to an observable again after the wait', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
    scheduler.run(({ cold, expectObservable }) => {
      let calls = 0
      const source = defer(() => (++calls < 3 ? throwError(() => passing) : of('a')))
      const options = { clock: createClock(scheduler, () => 0.5), policy }
      expectObservable(source.pipe(retryWithBackoff(options))).toBe('150ms (a|)')
      expectObservable(cold('#', {}, lasting).pipe(retryWithBackoff(options))).toBe('#', {}, lasting)
    })
  })
})
