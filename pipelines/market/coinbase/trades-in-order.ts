import { setMaxListeners } from 'node:events'
import type { RetryPolicy, SourceContext } from 'rivulet'
import {
  defer,
  finalize,
  interval,
  map,
  merge,
  mergeMap,
  type Observable,
  type OperatorFunction,
  switchMap,
  tap,
} from 'rxjs'
import { countFromZero, emptyTape, readTapeEnd, type Tape, type TapeEnd } from '../resume.ts'
import type { Trade } from '../trade.ts'
import { ExchangeTime } from './exchange-time.ts'
import type { FeedEvent } from './feed-event.ts'
import type { FeedOutages } from './feed-outages.ts'
import { ProductTape } from './product-tape.ts'
import { ProductTapes, type TapeEvent } from './product-tapes.ts'
import type { Products } from './products.ts'
import { CoinbaseRest } from './rest.ts'
import { SourceReport } from './source-report.ts'

const stallCheckMs = 1_000

export interface OrderOptions<K, V> extends Products {
  readonly restUrl: string
  /** The topic that the trades end up in; absent: each start begins anew. */
  readonly tape?: Tape<K, V>
  /** For each product: of a longer gap only the newest trades are fetched, the others are counted as `gaps`. */
  readonly backfillTradesMax?: number
  /** For each product: live trades that wait for older ones. What comes beyond is fetched by REST afterwards. */
  readonly heldTradesMax?: number
  /** How long a gap may be nothing but two channels out of step. */
  readonly graceMs?: number
  readonly restTimeoutMs?: number
  readonly restRetryPolicy?: RetryPolicy
  /** How long, in waits, the REST API may refuse to answer (400, 404) before what is missing is given up. */
  readonly restRefusedMsMax?: number
  /** How long, in waits, it may not know what the socket has shown. */
  readonly restLagMsMax?: number
  /** Told of all that says when the feed was away; absent: nobody is. */
  readonly outages?: FeedOutages
  /** Who asks the REST API; default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

/**
 * Every trade of the products exactly once, for each product in the order of its ids, from where the tape ends: what
 * comes twice (two channels, reconnects) is dropped, what is missing (lost frames, disconnects, the time since the
 * last start) is fetched from the REST API, what can't be decoded goes to the dead letters and is fetched too. An
 * empty tape begins with the first trade that the exchange sends. Nothing goes out while downstream is full.
 * Counters: `duplicates` (what one channel has sent twice on a connection), `gaps`, `backfilled`. Never completes.
 */
export function tradesInOrder<K, V>(
  options: OrderOptions<K, V>,
  context: SourceContext,
): OperatorFunction<FeedEvent, Trade> {
  const { products, tape } = options
  return (feed$) =>
    defer(async () => {
      countFromZero(context)
      context.setState('connecting')
      return tape ? readTapeEnd(tape, products, context) : emptyTape
    }).pipe(switchMap((tapeEnd) => inOrder(feed$, tapeEnd, options, context)))
}

function inOrder<K, V>(
  feed$: Observable<FeedEvent>,
  tapeEnd: TapeEnd,
  options: OrderOptions<K, V>,
  context: SourceContext,
): Observable<Trade> {
  return defer(() => {
    const { clock, paused$ } = context
    const stop = new AbortController()
    // Each product may wait for something at the same time.
    setMaxListeners(0, stop.signal)
    const report = new SourceReport(context)
    const exchangeTime = new ExchangeTime(clock)
    const rest = coinbaseRest(options, context, exchangeTime, report)
    const tapes = productTapes(options, context, rest, tapeEnd)

    const pauses$ = paused$.pipe(map((paused): TapeEvent => ({ type: 'paused', paused })))
    const stallChecks$ = interval(stallCheckMs, clock.scheduler).pipe(
      map((): TapeEvent => ({ type: 'stall check' })),
    )
    // The way back: what is missing is asked of REST, and the answer comes in here as another event.
    const backfills$ = tapes.backfillDue$.pipe(mergeMap((tape) => tape.backfill(stop.signal)))
    return merge<TapeEvent[]>(pauses$, stallChecks$, backfills$, feed$).pipe(
      tap((event) => {
        if (event.type === 'heartbeat') exchangeTime.heard(event.timestampMs)
        report.tell(event)
        options.outages?.tell(event)
      }),
      mergeMap((event) => tapes.after(event)),
      finalize(() => {
        stop.abort()
        report.stopped()
      }),
    )
  })
}

function productTapes<K, V>(
  {
    products,
    graceMs = 250,
    backfillTradesMax = 100_000,
    heldTradesMax = 10_000,
    restLagMsMax: lagMsMax = 120_000,
  }: OrderOptions<K, V>,
  { clock, logger, count }: SourceContext,
  rest: CoinbaseRest,
  tapeEnd: TapeEnd,
): ProductTapes {
  const bounds = { graceMs, backfillTradesMax, heldTradesMax, lagMsMax }
  const tapes = products.map((product) => {
    const lastId = tapeEnd.get(product)
    return new ProductTape({ product, lastId, rest, clock, logger, ...bounds })
  })
  return new ProductTapes({ tapes, logger, countDuplicate: () => count('duplicates') })
}

function coinbaseRest<K, V>(
  {
    restUrl,
    restTimeoutMs: timeoutMs = 10_000,
    restRetryPolicy: retryPolicy = { initialMs: 1_000, waitMsMax: 30_000 },
    restRefusedMsMax: refusedMsMax = 120_000,
    fetch,
  }: OrderOptions<K, V>,
  { clock, logger }: SourceContext,
  exchangeTime: ExchangeTime,
  report: SourceReport,
): CoinbaseRest {
  const onGarbage = (product: string, bytes: Buffer) => report.garbage(product, bytes)
  const asking = { timeoutMs, retryPolicy, refusedMsMax, onGarbage, fetch }
  return new CoinbaseRest({ restUrl, exchangeTime, clock, logger, ...asking })
}
