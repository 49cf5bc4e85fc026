import { Subject } from 'rxjs'
import { matchFrame, tickerFrame } from '../../../../pipelines/market/exchange-server/frames.ts'
import type {
  ExchangeTrade,
  Market,
  MarketFrame,
} from '../../../../pipelines/market/exchange-server/market.ts'

/** A market on which only happens what the test says. */
export class ScriptedMarket implements Market {
  readonly kind = 'simulated'
  readonly paced = true
  readonly products: readonly string[]
  readonly #frames: MarketFrame[] = []
  readonly #added = new Subject<void>()
  readonly #trades = new Map<string, ExchangeTrade[]>()
  /** Trades that the REST API does not give, `product/id`. */
  readonly hidden = new Set<string>()

  readonly withoutHeartbeats = new Set<string>()

  constructor(products: readonly string[]) {
    this.products = products
    for (const product of products) this.#trades.set(product, [])
  }

  hasHeartbeats(product: string): boolean {
    return !this.withoutHeartbeats.has(product)
  }

  /** Lets `count` trades of the product happen; ids go on from the last, from 1 at first, or from `fromId`. */
  trade(
    product: string,
    count = 1,
    { fromId, silently = false }: { fromId?: number; silently?: boolean } = {},
  ): void {
    const trades = this.#trades.get(product) ?? []
    for (let i = 0; i < count; i++) {
      const tradeId = i === 0 && fromId ? fromId : (trades.at(-1)?.tradeId ?? 0) + 1
      const time = `2026-07-07T22:${String(Math.floor(tradeId / 60) % 60).padStart(2, '0')}:${String(tradeId % 60).padStart(2, '0')}.123456Z`
      const trade: ExchangeTrade = {
        product,
        tradeId,
        price: `${100 + (tradeId % 7)}.5`,
        size: '0.25',
        time,
        makerSide: 'buy',
      }
      trades.push(trade)
      if (silently) continue
      this.say(matchFrame(trade), product, 'matches')
      this.say(tickerFrame(trade), product, 'ticker')
    }
  }

  /** Sends this to whoever is subscribed. */
  say(data: string | Buffer, product?: string, channel?: MarketFrame['channel']): void {
    this.#frames.push({ product, channel, data })
    this.#added.next()
  }

  async *frames({ signal }: { signal: AbortSignal }): AsyncIterable<MarketFrame> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame) yield frame
      else await this.#nextFrame(signal)
    }
  }

  count(product: string): number {
    return this.#trades.get(product)?.length ?? 0
  }

  lastTrade(product: string): ExchangeTrade | undefined {
    return this.#trades.get(product)?.at(-1)
  }

  trades(
    product: string,
    {
      beforeId = Number.POSITIVE_INFINITY,
      afterId = 0,
      limit,
    }: { beforeId?: number; afterId?: number; limit: number },
  ) {
    return (this.#trades.get(product) ?? [])
      .filter(
        ({ tradeId }) => tradeId < beforeId && tradeId > afterId && !this.hidden.has(`${product}/${tradeId}`),
      )
      .slice(-limit)
      .reverse()
  }

  candles(): [] {
    return []
  }

  close(): void {}

  #nextFrame(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      const subscription = this.#added.subscribe(() => {
        signal.removeEventListener('abort', abort)
        subscription.unsubscribe()
        resolve()
      })
    })
  }
}
