import { backoffMs, type Clock, isRetryable, type Logger, type RetryPolicy } from 'rivulet'
import {
  catchError,
  concat,
  defer,
  ignoreElements,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  repeat,
  startWith,
  tap,
  timer,
} from 'rxjs'
import type { FeedEvent } from './feed-event.ts'
import { Reachability } from './reachability.ts'

export interface ReconnectingOptions {
  readonly url: string
  readonly policy: RetryPolicy
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Connects again whenever the connection ends with an error that is retryable, after a wait that grows, and says so.
 * The waits begin anew with the first data, not with the connection: an exchange that accepts and then rejects is not
 * to be asked twice a second.
 */
export function reconnecting(options: ReconnectingOptions): MonoTypeOperatorFunction<FeedEvent> {
  const { url, policy, clock, logger } = options
  return (connection$) =>
    defer(() => {
      const reachability = new Reachability(url, logger)
      let failures = 0

      const noted = (event: FeedEvent): void => {
        switch (event.type) {
          case 'connected':
            logger.info({ url }, 'WebSocket connected to Coinbase')
            reachability.connected()
            break
          case 'state':
            if (event.state === 'live') reachability.live()
            break
          case 'trade':
          case 'heartbeat':
          case 'bad':
            failures = 0
            break
        }
      }

      const waiting = (error: unknown): Observable<FeedEvent> => {
        failures++
        if (!isRetryable(error) || failures === policy.attemptsMax) throw error
        const waitMs = backoffMs(policy, failures, clock)
        reachability.failed(error, waitMs)
        const waited$ = timer(waitMs, clock.scheduler).pipe(ignoreElements())
        return concat(of<FeedEvent>({ type: 'state', state: 'waiting' }), waited$)
      }

      const connecting: FeedEvent = { type: 'state', state: 'connecting' }
      return defer(() =>
        reachability.isReachable ? connection$.pipe(startWith(connecting)) : connection$,
      ).pipe(tap(noted), catchError(waiting), repeat())
    })
}
