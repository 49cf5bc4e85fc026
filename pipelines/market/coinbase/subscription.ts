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
/** A product that was asked for alone, and refused so often: the error was about it, though it did not say so. */
const refusalsMax = 3
/** Then one a check: the exchange refuses who asks too often, and that error names no product either. */
const asksAtOnceMax = 10
const none: readonly string[] = []

/**
 * What one connection is subscribed to. `check`, called about every second, asks again, ever more rarely, for what
 * the exchange left out (it may reject the whole for one bad product) or has stopped to send. Where it does not say which
 * product it minds, halves of what it refused are asked for one by one, until the bad ones are alone. Products that it
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
  /** What was asked for last, until it is answered. */
  #asked: readonly string[] = none
  /** To be asked for apart, one after the other. */
  readonly #apart: (readonly string[])[] = []
  readonly #refusals = new Map<string, number>()
  #asksLeft = asksAtOnceMax

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
        this.#asked = none
        this.#askApart()
        break
      case 'error':
        return this.#rejectedBy(message.text)
    }
    return none
  }

  check(): void {
    this.#checks++
    this.#checksSinceAsked++
    this.#asksLeft = Math.min(asksAtOnceMax, this.#asksLeft + 1)
    for (const [product, check] of this.#lastHeartbeatCheck) {
      if (this.#checks - check <= silentChecksMax) continue
      this.#options.logger.warn({ product }, 'the heartbeats of a product stopped: subscribing to it again')
      this.#lastHeartbeatCheck.delete(product)
      this.#present.delete(product)
      this.#checksToWait = answerChecks
    }
    const isDue = this.#checksSinceAsked >= this.#checksToWait
    if ((isDue || this.#asked.length === 0) && this.#askApart()) return
    if (!isDue) return
    const missing = this.#missingOf(this.#options.products)
    if (missing.length === 0) return
    this.#checksToWait = Math.min(askAgainChecksMax, this.#checksToWait * 2)
    this.#ask(missing)
  }

  #missingOf(products: readonly string[]): readonly string[] {
    return products.filter((product) => !this.#rejected.has(product) && !this.#present.has(product))
  }

  #rejectedBy(text: string): readonly string[] {
    const { products, logger } = this.#options
    const named = products.filter((product) => mentions(text, product))
    if (named.length === 0) logger.warn({ text }, 'Coinbase reported an error')
    const rejected =
      named.length === 0 ? this.#refused() : named.filter((product) => !this.#rejected.has(product))
    for (const product of rejected) this.#rejected.add(product)
    return rejected
  }

  /** Nobody knows which of the products is meant: returns the one that can only be meant, after some tries. */
  #refused(): readonly string[] {
    const suspects = this.#missingOf(this.#asked)
    this.#asked = none
    const [only] = suspects
    if (only === undefined) return none
    if (suspects.length > 1) {
      const half = Math.ceil(suspects.length / 2)
      this.#apart.unshift(suspects.slice(0, half), suspects.slice(half))
      this.#askApart()
      return none
    }
    this.#askApart()
    const refusals = (this.#refusals.get(only) ?? 0) + 1
    this.#refusals.set(only, refusals)
    return refusals < refusalsMax ? none : [only]
  }

  /** Asks for the next of those that are to be asked for apart. False: there is none. */
  #askApart(): boolean {
    if (this.#asksLeft === 0) return false
    for (let next = this.#apart.shift(); next; next = this.#apart.shift()) {
      const missing = this.#missingOf(next)
      if (missing.length === 0) continue
      this.#ask(missing)
      return true
    }
    return false
  }

  #ask(products: readonly string[]): void {
    this.#checksSinceAsked = 0
    this.#asksLeft--
    this.#asked = products
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
