import type { Logger } from 'rivulet'
import type { Message, SubscribedChannel } from './message.ts'

export const channelNames = ['ticker', 'matches', 'heartbeat'] as const

export interface SubscriptionOptions {
  readonly products: readonly string[]
  readonly logger: Logger
  readonly send: (text: string) => void
}

/** In checks: how long the first answer may take, and how rarely is asked in the end. */
const answerChecks = 2
const askAgainChecksMax = 30
/** A product whose heartbeats (one a second) stopped for so long has lost its subscription. */
const silentChecksMax = 10
const none: readonly string[] = []

/**
 * What one connection is subscribed to. `check`, called about every second, asks again, ever more rarely, for what
 * the exchange left out (it may reject the whole for one bad product) or has stopped to send. Products that it
 * rejected stay out.
 */
export class CoinbaseSubscription {
  readonly #options: SubscriptionOptions
  readonly #rejected = new Set<string>()
  readonly #present = new Set<string>()
  readonly #lastHeartbeatCheck = new Map<string, number>()
  #checks = 0
  #checksToWait = answerChecks
  #checksSinceAsked = 0

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#ask(options.products)
  }

  /** Returns the products that the message rejects, and none before did. */
  receive(message: Message): readonly string[] {
    switch (message.type) {
      case 'trade':
        this.#present.add(message.trade.product)
        break
      case 'heartbeat':
        this.#present.add(message.product)
        this.#lastHeartbeatCheck.set(message.product, this.#checks)
        break
      case 'subscriptions':
        for (const product of this.#options.products) {
          if (isAcknowledged(product, message.channels)) this.#present.add(product)
        }
        break
      case 'error':
        return this.#rejectedBy(message.text)
    }
    return none
  }

  check(): void {
    this.#checks++
    this.#checksSinceAsked++
    for (const [product, check] of this.#lastHeartbeatCheck) {
      if (this.#checks - check <= silentChecksMax) continue
      this.#options.logger.warn({ product }, 'the heartbeats of a product stopped: subscribing to it again')
      this.#lastHeartbeatCheck.delete(product)
      this.#present.delete(product)
      this.#checksToWait = answerChecks
    }
    if (this.#checksSinceAsked < this.#checksToWait) return
    const missing = this.#options.products.filter(
      (product) => !this.#rejected.has(product) && !this.#present.has(product),
    )
    if (missing.length === 0) return
    this.#checksToWait = Math.min(askAgainChecksMax, this.#checksToWait * 2)
    this.#ask(missing)
  }

  #rejectedBy(text: string): readonly string[] {
    const { products, logger } = this.#options
    const named = products.filter((product) => mentions(text, product))
    if (named.length === 0) logger.warn({ text }, 'Coinbase reported an error')
    const rejected = named.filter((product) => !this.#rejected.has(product))
    for (const product of rejected) this.#rejected.add(product)
    return rejected
  }

  #ask(products: readonly string[]): void {
    this.#checksSinceAsked = 0
    this.#options.send(JSON.stringify({ type: 'subscribe', product_ids: products, channels: channelNames }))
  }
}

function isAcknowledged(product: string, channels: readonly SubscribedChannel[]): boolean {
  return channelNames.every((name) =>
    channels.some((channel) => channel.name === name && channel.products.includes(product)),
  )
}

/** `TC-USD` is not mentioned by `BTC-USD is delisted`. */
function mentions(text: string, product: string): boolean {
  return text.split(/[^A-Za-z0-9-]+/).includes(product)
}
