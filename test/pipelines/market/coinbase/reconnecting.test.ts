import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import type { FeedEvent } from '../../../../pipelines/market/coinbase/feed-event.ts'
import { reconnecting } from '../../../../pipelines/market/coinbase/reconnecting.ts'
import { createClock } from '../../../../src/clock.ts'
import { RivuletError } from '../../../../src/errors.ts'
import { silentLogger } from '../../../../src/logger.ts'

const events: Record<string, FeedEvent> = {
  c: { type: 'state', state: 'connecting' },
  w: { type: 'state', state: 'waiting' },
  o: { type: 'connected' },
  r: { type: 'rejected', products: ['A-USD'], reason: 'delisted' },
  b: { type: 'bad', reason: 'not JSON', bytes: Buffer.from('x') },
}
const lost = new RivuletError('SOURCE_FAILED', 'the connection was closed', { retryable: true })
const fatal = new RivuletError('BAD_CONFIG', 'no address')

interface Reconnection {
  readonly connection: string
  readonly error: RivuletError
  readonly attemptsMax?: number
  readonly expected: string
  readonly until?: string
}

/** Under virtual time, with waits of 4, 8, 16, … ms. */
function check({ connection, error, expected, until, ...attempts }: Reconnection): void {
  const scheduler = new TestScheduler((actual, wanted) => expect(actual).toEqual(wanted))
  scheduler.run(({ cold, expectObservable }) => {
    const events$ = cold(connection, events, error).pipe(
      reconnecting({
        url: 'ws://exchange',
        policy: { initialMs: 4, waitMsMax: 1_000, ...attempts },
        clock: createClock(scheduler, () => 1),
        logger: silentLogger,
      }),
    )
    expectObservable(events$, until).toBe(expected, events, error)
  })
}

describe('reconnecting', () => {
  test('says that it connects, that it waits, and connects again', () => {
    check({ connection: '-#', error: lost, expected: 'cw 3ms cw 7ms c', until: '15ms !' })
  })

  test('waits ever longer while a connection brings no data, whatever else it brings', () => {
    const expected = 'c(or)w 3ms c(or)w 7ms c'
    check({ connection: '-(or)#', error: lost, expected, until: '23ms !' })
  })

  test('waits anew when a connection has brought data', () => {
    check({ connection: '-b-#', error: lost, expected: 'cb-w 3ms cb-w 3ms c', until: '15ms !' })
  })

  test('ends with an error that can not be mended, and with any when it has tried often enough', () => {
    check({ connection: '-o#', error: fatal, expected: 'co#' })
    check({ connection: '-o#', error: lost, attemptsMax: 2, expected: 'cow 3ms co#' })
  })
})
