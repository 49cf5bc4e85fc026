import { setMaxListeners } from 'node:events'
import { type RetryPolicy, RivuletError, type SourceContext } from 'rivulet'
import { defer, finalize, ignoreElements, merge, type Observable, Subject, switchMap, tap } from 'rxjs'
import { countFromZero, emptyTape, readTapeEnd, type Tape, type TapeEnd } from '../resume.ts'
import { symbolOf, type Trade } from '../trade.ts'
import { deadLetterReport } from './dead-letter-report.ts'
import { ExchangeTime } from './exchange-time.ts'
import { coinbaseFeed, type Received } from './feed.ts'
import { Outlet } from './outlet.ts'
import { ProductTape } from './product-tape.ts'
import { CoinbaseRest } from './rest.ts'
import { StateReport } from './state-report.ts'

export const COINBASE_WS_URL = 'wss://ws-feed.exchange.coinbase.com'
export const COINBASE_REST_URL = 'https://api.exchange.coinbase.com'

export interface CoinbaseOptions<K, V> {
  /** Such as `BTC-USD`. */
  readonly products: readonly string[]
  /**
   * Whether two products may have one symbol, as in a recording. The tape knows trades by symbol, so after a restart
   * such products begin with the first trade that the exchange sends, less what is there already.
   */
  readonly sharedSymbols?: boolean
  readonly wsUrl?: string
  readonly restUrl?: string
  /** The topic that the trades end up in; absent: each start begins anew. */
  readonly tape?: Tape<K, V>
  /** For each product: of a longer gap only the newest trades are fetched, the others are counted as `gaps`. */
  readonly backfillTradesMax?: number
  /** For each product: live trades that wait for older ones. What comes beyond is fetched by REST afterwards. */
  readonly heldTradesMax?: number
  /** How long a gap may be nothing but two channels out of step. */
  readonly graceMs?: number
  /** A connection on which nothing came for so long is dead: heartbeats come each second. */
  readonly silenceMsMax?: number
  readonly connectTimeoutMs?: number
  readonly restTimeoutMs?: number
  readonly reconnectPolicy?: RetryPolicy
  readonly restRetryPolicy?: RetryPolicy
}

/** Far below Coinbase's 8 requests/s: the first wait is 0.5 to 1 s. */
const RETRY: RetryPolicy = { initialMs: 1_000, waitMsMax: 30_000 }

/**
 * Every trade of the products exactly once, for each product in the order of its ids: what comes twice (two channels,
 * reconnects) is dropped, what is missing (lost frames, disconnects, the time since the last start) is fetched from
 * the REST API, what can't be decoded goes to the dead letters and is fetched too. An empty tape begins with the
 * first trade that the exchange sends. Counters: `duplicates`, `gaps`, `backfilled`. Goes on without a network until
 * it is unsubscribed. Throws `BAD_CONFIG` for no products, or two of one symbol.
 */
export function coinbaseTrades<K, V>(
  options: CoinbaseOptions<K, V>,
): (context: SourceContext) => Observable<Trade> {
  const products = checkedProducts(options)
  return (context) =>
    defer(async () => {
      countFromZero(context)
      context.setState('connecting')
      return options.tape ? readTapeEnd(options.tape, products.map(symbolOf), context) : emptyTape
    }).pipe(switchMap((tapeEnd) => session({ ...options, products }, context, tapeEnd)))
}

function session<K, V>(
  options: CoinbaseOptions<K, V>,
  context: SourceContext,
  { lastIds, sharedIds }: TapeEnd,
): Observable<Trade> {
  return defer(() => {
    const { clock, logger, paused$ } = context
    const stop = new AbortController()
    // Each product may wait for something at the same time.
    setMaxListeners(0, stop.signal)
    const trades = new Subject<Trade>()
    const state = new StateReport(context)
    const outlet = new Outlet({
      clock,
      logger,
      emit: (trade) => {
        if (sharedIds.get(trade.symbol)?.has(trade.tradeId)) context.count('duplicates')
        else trades.next(trade)
      },
    })

    const deadLetter = deadLetterReport(context)
    const exchangeTime = new ExchangeTime(clock)
    const rest = new CoinbaseRest({
      restUrl: options.restUrl ?? COINBASE_REST_URL,
      exchangeTime,
      clock,
      logger,
      timeoutMs: options.restTimeoutMs ?? 10_000,
      retryPolicy: options.restRetryPolicy ?? RETRY,
      onGarbage: (product, bytes) => deadLetter(bytes, 'not a page of trades', { product, from: 'rest' }),
    })

    const tapes = new Map<string, ProductTape>()
    for (const product of options.products) {
      const tape = new ProductTape({
        product,
        lastId: lastIds.get(symbolOf(product)),
        rest,
        clock,
        logger,
        signal: stop.signal,
        graceMs: options.graceMs ?? 250,
        backfillTradesMax: options.backfillTradesMax ?? 100_000,
        heldTradesMax: options.heldTradesMax ?? 10_000,
        outlet,
        count: (counter, by) => context.count(counter, by),
        deadLetter: (bytes, reason, tradeId) => deadLetter(bytes, reason, { product, tradeId, from: 'rest' }),
        onRecovering: (recovering) => state.recovering(product, recovering),
        onError: (error) => trades.error(error),
      })
      tapes.set(product, tape)
    }

    const receive = ({ message, bytes }: Received) => {
      context.messageReceived()
      switch (message.type) {
        case 'trade': {
          const { product, tradeId } = message.trade
          const tape = tapes.get(product)
          if (tape) tape.receive(message.trade)
          else deadLetter(bytes, `${product} was not subscribed to`, { product, tradeId, from: 'socket' })
          break
        }
        case 'heartbeat':
          tapes.get(message.product)?.announce(message.lastTradeId)
          break
        case 'bad': {
          const { product, tradeId, reason } = message
          deadLetter(bytes, reason, { product, tradeId, from: 'socket' })
          if (product && tradeId) tapes.get(product)?.owe(tradeId)
          break
        }
      }
    }

    const rejections = new Map<string, string>()
    const feed = coinbaseFeed({
      wsUrl: options.wsUrl ?? COINBASE_WS_URL,
      products: options.products,
      exchangeTime,
      clock,
      logger,
      paused$,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      silenceMsMax: options.silenceMsMax ?? 5_000,
      retryPolicy: options.reconnectPolicy ?? RETRY,
      onConnected: () => {
        for (const [product, tape] of tapes) tape.connected({ expecting: !rejections.has(product) })
        outlet.connected()
      },
      onState: (connection) => state.connection(connection),
      onRejected: (product, reason) => {
        tapes.get(product)?.dismiss()
        if (rejections.get(product) === reason) return
        rejections.set(product, reason)
        context.rejected(product, reason)
      },
    })

    const pauses = paused$.pipe(tap((paused) => outlet.setPaused(paused)))

    // A throw in a callback of ours becomes the stream's error; whatever ends it ends all of it.
    return merge(trades, pauses.pipe(ignoreElements()), feed.pipe(tap(receive), ignoreElements())).pipe(
      finalize(() => {
        stop.abort()
        outlet.close()
        state.stopped()
      }),
    )
  })
}

function checkedProducts({
  products,
  sharedSymbols = false,
}: {
  readonly products: readonly string[]
  readonly sharedSymbols?: boolean
}): readonly string[] {
  const bySymbol = new Map<string, string>()
  for (const product of products) {
    const other = bySymbol.get(symbolOf(product))
    if (other !== undefined && !sharedSymbols) {
      throw new RivuletError(
        'BAD_CONFIG',
        `PRODUCTS has two products of one symbol: ${other} and ${product}`,
        {
          place: { parameter: 'PRODUCTS' },
        },
      )
    }
    bySymbol.set(symbolOf(product), product)
  }
  if (products.length === 0) {
    throw new RivuletError('BAD_CONFIG', 'PRODUCTS is empty: name at least one, such as BTC-USD', {
      place: { parameter: 'PRODUCTS' },
    })
  }
  return products
}
