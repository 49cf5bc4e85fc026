import type { RetryPolicy, SourceContext } from 'rivulet'
import type { Observable } from 'rxjs'
import { decoded } from './decoded.ts'
import type { FeedEvent } from './feed-event.ts'
import { reconnecting } from './reconnecting.ts'
import { openSocket, type SocketOptions } from './socket.ts'
import { subscribed } from './subscribed.ts'

export interface FeedOptions {
  readonly wsUrl: string
  /** Such as `BTC-USD`. */
  readonly products: readonly string[]
  readonly connectTimeoutMs?: number
  /** A connection on which nothing came for so long is dead: heartbeats come each second. */
  readonly silenceMsMax?: number
  readonly reconnectPolicy?: RetryPolicy
  /** Further options of `ws`, such as what a connection runs over. */
  readonly webSocketOptions?: SocketOptions['webSocketOptions']
}

export type FeedContext = Pick<SourceContext, 'clock' | 'logger' | 'paused$'>

/**
 * What Coinbase's WebSocket says about the products, decoded: connects, subscribes, and does so again with backoff
 * whenever the connection ends or goes silent. Never completes; errors only with what retrying can't mend. Source:
 * Coinbase Exchange, WebSocket feed.
 */
export function coinbaseFeed(
  {
    wsUrl,
    products,
    connectTimeoutMs = 10_000,
    silenceMsMax = 5_000,
    reconnectPolicy = { initialMs: 1_000, waitMsMax: 30_000 },
    webSocketOptions,
  }: FeedOptions,
  { clock, logger, paused$ }: FeedContext,
): Observable<FeedEvent> {
  return openSocket({ url: wsUrl, clock, paused$, connectTimeoutMs, silenceMsMax, webSocketOptions }).pipe(
    decoded(clock),
    subscribed({ products, clock, logger, paused$ }),
    reconnecting({ url: wsUrl, policy: reconnectPolicy, clock, logger }),
  )
}
