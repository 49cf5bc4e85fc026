import type { Clock, Logger } from 'rivulet'
import {
  connect,
  filter,
  ignoreElements,
  interval,
  map,
  merge,
  NEVER,
  type Observable,
  type OperatorFunction,
  of,
  switchMap,
  take,
  tap,
} from 'rxjs'
import type { DecodedEvent } from './decoded.ts'
import type { FeedEvent } from './feed-event.ts'
import type { Message, SubscribedChannel } from './message.ts'
import { CoinbaseSubscription } from './subscription.ts'

const checkMs = 1_000

export interface SubscribedOptions {
  readonly products: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  readonly paused$: Observable<boolean>
}

/**
 * Subscribes to the products as soon as the socket is open, and sees to it that they come. What the exchange answers
 * to that stays here, but for what it rejects; trades, heartbeats and what can't be decoded go on.
 */
export function subscribed(options: SubscribedOptions): OperatorFunction<DecodedEvent, FeedEvent> {
  const { products, clock, logger, paused$ } = options
  const wanted = new Set(products)
  const second$ = paused$.pipe(switchMap((paused) => (paused ? NEVER : interval(checkMs, clock.scheduler))))
  return connect((decoded$) =>
    decoded$.pipe(
      filter((event) => event.type === 'open'),
      take(1),
      switchMap(({ send }) => {
        const subscription = new CoinbaseSubscription({ products, logger, send })
        const messages$ = decoded$.pipe(filter((event) => event.type === 'message'))
        const connected$ = of<FeedEvent>({ type: 'connected' })
        const live$ = messages$.pipe(
          filter(({ message: { type } }) => type === 'trade' || type === 'heartbeat'),
          take(1),
          map((): FeedEvent => ({ type: 'state', state: 'live' })),
        )
        const events$ = messages$.pipe(
          map(({ message, bytes }) => feedEvent(message, bytes, subscription.receive(message), wanted)),
          filter((event) => event !== undefined),
        )
        const checks$ = second$.pipe(
          tap(() => subscription.check()),
          ignoreElements(),
        )
        return merge(connected$, live$, events$, checks$)
      }),
    ),
  )
}

function feedEvent(
  message: Message,
  bytes: Buffer,
  rejected: readonly string[],
  wanted: ReadonlySet<string>,
): FeedEvent | undefined {
  switch (message.type) {
    case 'trade': {
      const { trade } = message
      if (wanted.has(trade.product)) return { ...message, bytes }
      const { product, tradeId } = trade
      return { type: 'bad', reason: `${product} was not subscribed to`, product, tradeId, bytes }
    }
    case 'heartbeat':
    case 'bad':
      return { ...message, bytes }
    case 'error':
      return rejected.length > 0 ? { type: 'rejected', products: rejected, reason: message.text } : undefined
    case 'subscriptions': {
      const products = withoutHeartbeats(message.channels)
      return products.length > 0 ? { type: 'without heartbeats', products } : undefined
    }
    default:
      return undefined
  }
}

function withoutHeartbeats(channels: readonly SubscribedChannel[]): readonly string[] {
  const heartbeats = new Set(channels.find(({ name }) => name === 'heartbeat')?.products)
  const followed = new Set(channels.flatMap(({ products }) => products))
  return [...followed].filter((product) => !heartbeats.has(product))
}
