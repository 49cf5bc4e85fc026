import fc from 'fast-check'
import { map, NEVER, type Observable, of, throwError, timer, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import type { RivuletError } from '../../src/errors.ts'
import { chunkOf, recordsOf } from '../../src/records/chunk.ts'
import { AsyncCalls } from '../../src/runtime/async-calls.ts'
import { serdes } from '../../src/serdes/serdes.ts'

interface Step {
  readonly call: (value: number, signal: AbortSignal) => Observable<unknown>
  readonly concurrencyMax?: number
  readonly attemptsMax?: number
  readonly retryable?: (error: unknown) => boolean
  readonly onError?: 'fail' | 'drop'
}

function setUp({
  call,
  concurrencyMax = 2,
  attemptsMax = 1,
  retryable = () => true,
  onError = 'fail',
}: Step) {
  const scheduler = new VirtualTimeScheduler()
  const answers: { readonly value: unknown; readonly atMs: number; readonly offset: number | undefined }[] =
    []
  const failures: RivuletError[] = []
  const calls = new AsyncCalls({
    node: {
      type: 'repartition',
      kind: 'mapAsync',
      id: 0,
      name: 'enrich',
      input: { node: 0, port: 'main' },
      topicName: 'enrich-results',
      key: serdes.json(),
      value: serdes.json(),
      nullKeys: true,
      call: {
        begin: (value: number, _key, signal) => call(value, signal),
        concurrencyMax,
        timeoutMs: 100,
        retry: { policy: { initialMs: 10, waitMsMax: 10, attemptsMax }, retryable },
      },
    },
    clock: createClock(scheduler),
    answered: (chunk) => {
      for (const { value, offset } of recordsOf(chunk)) answers.push({ value, atMs: scheduler.now(), offset })
    },
    failed: ({ error }) => {
      failures.push(error)
      return onError
    },
  })
  const push = (...values: number[]) =>
    calls.push(chunkOf(values.map((value, i) => ({ key: null, value, timestampMs: i, offset: i }))))
  return { calls, push, scheduler, answers, failures }
}

describe('the calls of an asynchronous step', () => {
  const answerAfter = (scheduler: () => VirtualTimeScheduler) => (ms: number) =>
    timer(ms, scheduler()).pipe(map(() => `after ${ms}`))

  test('are answered in the order of the records, however long each takes', () => {
    const rig = setUp({ call: (ms) => answerAfter(() => rig.scheduler)(ms), concurrencyMax: 3 })
    rig.push(30, 10, 20)
    rig.scheduler.flush()
    expect(rig.answers).toEqual([
      { value: 'after 30', atMs: 30, offset: 0 },
      { value: 'after 10', atMs: 30, offset: 1 },
      { value: 'after 20', atMs: 30, offset: 2 },
    ])
    expect(rig.calls.waiting).toBe(0)
  })

  test('are never more at a time than allowed, and each record is answered once and in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(99), { maxLength: 8 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        (chunks, concurrencyMax) => {
          let underWay = 0
          let most = 0
          const rig = setUp({
            concurrencyMax,
            call: (ms) => {
              most = Math.max(most, ++underWay)
              // Some answer at once.
              return (ms % 3 === 0 ? of(ms) : timer(ms, rig.scheduler)).pipe(
                map(() => {
                  underWay--
                  return ms
                }),
              )
            },
          })
          for (const chunk of chunks) rig.push(...chunk)
          rig.scheduler.flush()
          expect(rig.answers.map(({ value }) => value)).toEqual(chunks.flat())
          expect(most).toBeLessThanOrEqual(concurrencyMax)
          expect(rig.calls.waiting).toBe(0)
        },
      ),
    )
  })

  test('do not overflow the stack when ten thousand answer at once', () => {
    const rig = setUp({ call: (value) => of(value) })
    rig.push(...Array(10_000).keys())
    expect(rig.answers).toHaveLength(10_000)
  })

  test('time out, tell the caller to stop, and name the record', async () => {
    let aborted = false
    const rig = setUp({
      call: (_, signal) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        return NEVER
      },
    })
    rig.push(1)
    const settled = rig.calls.settled()
    rig.scheduler.flush()
    await expect(settled).rejects.toMatchObject({ code: 'TIMED_OUT', place: { step: 'enrich', offset: 0 } })
    expect(rig.scheduler.now()).toBe(100)
    expect(aborted).toBe(true)
  })

  test('are tried again as the policy says, and no more', () => {
    const tried: number[] = []
    const rig = setUp({
      attemptsMax: 3,
      call: (value) => {
        tried.push(value)
        return throwError(() => new Error('busy'))
      },
    })
    rig.push(7)
    rig.scheduler.flush()
    expect(tried).toEqual([7, 7, 7])
    expect(rig.failures).toMatchObject([{ code: 'CALLBACK_FAILED', place: { step: 'enrich', offset: 0 } }])
  })

  test('are not tried again where the error is not worth it', () => {
    let tries = 0
    const rig = setUp({
      attemptsMax: 3,
      retryable: () => false,
      call: () => {
        tries++
        return throwError(() => new Error('no such thing'))
      },
    })
    rig.push(7)
    rig.scheduler.flush()
    expect(tries).toBe(1)
  })

  test('leave out what failed, where that is wished, and keep the order of the others', () => {
    const rig = setUp({
      onError: 'drop',
      call: (value) =>
        value === 2 ? throwError(() => new Error('two')) : timer(5, rig.scheduler).pipe(map(() => value)),
    })
    rig.push(1, 2, 3)
    rig.scheduler.flush()
    expect(rig.answers.map(({ value, offset }) => [value, offset])).toEqual([
      [1, 0],
      [3, 2],
    ])
    expect(rig.calls.waiting).toBe(0)
  })

  test('stop all, when one fails for good', () => {
    let stopped = 0
    const rig = setUp({
      concurrencyMax: 3,
      call: (value, signal) => {
        signal.addEventListener('abort', () => stopped++)
        return value === 2 ? throwError(() => new Error('two')) : NEVER
      },
    })
    rig.push(1, 2, 3)
    expect(rig.answers).toEqual([])
    expect(rig.calls.waiting).toBe(0)
    // The first was under way, the second failed, the third was never begun.
    expect(stopped).toBe(2)
  })

  test('fail when they end without an answer', () => {
    const rig = setUp({ call: () => of() })
    rig.push(1)
    expect(rig.failures).toMatchObject([{ code: 'CALLBACK_FAILED' }])
  })
})
