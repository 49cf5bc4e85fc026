import { type Clock, type Logger, type RetryPolicy, retryWithBackoff } from 'rivulet'
import { defer, finalize, interval, mergeMap, NEVER, type Observable, Subscription, switchMap } from 'rxjs'
import type { ExchangeTime } from './exchange-time.ts'
import { decodeMessage, FRAME_BYTES_MAX, type Message } from './message.ts'
import { Reachability } from './reachability.ts'
import { openSocket, type SocketEvent } from './socket.ts'
import { CoinbaseSubscription } from './subscription.ts'

const CHECK_MS = 1_000

export interface FeedOptions {
  readonly wsUrl: string
  readonly products: readonly string[]
  readonly exchangeTime: ExchangeTime
  readonly clock: Clock
  readonly logger: Logger
  readonly paused$: Observable<boolean>
  readonly connectTimeoutMs: number
  readonly silenceMsMax: number
  readonly retryPolicy: RetryPolicy
  /** Before anything is received on the connection. */
  readonly onConnected: () => void
  readonly onState: (state: 'connecting' | 'live' | 'waiting') => void
  readonly onRejected: (product: string, reason: string) => void
}

/** A message and the frame in which it came. */
export interface Received {
  readonly message: Message
  readonly bytes: Buffer
}

/**
 * Coinbase's feed, supervised: connects, subscribes, and does so again with backoff whenever the connection ends or
 * goes silent. Errors only with what retrying can't mend.
 */
export function coinbaseFeed(options: FeedOptions): Observable<Received> {
  const { wsUrl, clock, logger, onState, retryPolicy } = options
  const reachability = new Reachability(wsUrl, logger)
  return defer(() => {
    if (reachability.isReachable) onState('connecting')
    return connection(options, reachability)
  }).pipe(
    retryWithBackoff({
      clock,
      policy: retryPolicy,
      onRetry: (error, _attempt, waitMs) => {
        onState('waiting')
        reachability.failed(error, waitMs)
      },
    }),
  )
}

function connection(options: FeedOptions, reachability: Reachability): Observable<Received> {
  const { wsUrl: url, clock, logger, paused$, connectTimeoutMs, silenceMsMax, products, onRejected } = options
  return defer(() => {
    const checks = new Subscription()
    let subscription: CoinbaseSubscription | undefined
    let live = false

    const open = (send: (text: string) => void) => {
      logger.info({ url }, 'WebSocket connected to Coinbase')
      reachability.connected()
      options.onConnected()
      const opened = new CoinbaseSubscription({ products, logger, send, onRejected })
      subscription = opened
      const check$ = paused$.pipe(
        switchMap((paused) => (paused ? NEVER : interval(CHECK_MS, clock.scheduler))),
      )
      checks.add(check$.subscribe(() => opened.check()))
    }

    const receive = (event: SocketEvent): readonly Received[] => {
      if (event.type === 'open') {
        open(event.send)
        return []
      }
      if (event.type === 'oversized') {
        return [{ message: { type: 'bad', reason: event.reason }, bytes: Buffer.alloc(0) }]
      }
      const message = decodeMessage(event.bytes, event.binary, options.exchangeTime.latestMs)
      if (message.type === 'heartbeat') options.exchangeTime.heard(message.timestampMs)
      subscription?.receive(message)
      if (!live && (message.type === 'trade' || message.type === 'heartbeat')) {
        live = true
        reachability.live()
        options.onState('live')
      }
      // Only data is passed on, for the backoff begins anew with the first value: an exchange that accepts and then
      // rejects is not to be asked twice a second.
      if (message.type !== 'trade' && message.type !== 'heartbeat' && message.type !== 'bad') return []
      return [{ message, bytes: event.bytes.subarray(0, FRAME_BYTES_MAX) }]
    }

    return openSocket({ url, clock, paused$, connectTimeoutMs, silenceMsMax }).pipe(
      mergeMap(receive),
      finalize(() => checks.unsubscribe()),
    )
  })
}
