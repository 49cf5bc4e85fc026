import type { Clock } from 'rivulet'
import { interval, Subscription } from 'rxjs'
import { WebSocket } from 'ws'
import { isFields } from '../coinbase/message.ts'
import { channelNames } from '../coinbase/subscription.ts'
import { RateLimiter } from '../rate-limiter.ts'
import type { ExchangeFaults, SentFrame } from './faults.ts'
import { errorFrame, heartbeatFrame, matchFrame, tickerFrame } from './frames.ts'
import type { Channel, Market, MarketFrame } from './market.ts'

const subscribeWithinMs = 5_000
const heartbeatMs = 1_000
/** A slow consumer is cut off, as Coinbase does. */
const unreadBytesMax = 16 * 1024 * 1024
/** Where there is no pace, this much may be on its way. */
const unreadBytesFull = 1024 * 1024
const drainCheckMs = 5

export interface ExchangeClientOptions {
  readonly socket: WebSocket
  readonly market: Market
  readonly clock: Clock
  readonly faults: ExchangeFaults
}

/** One connection to the local exchange: what it is subscribed to, and what is sent to it. */
export class ExchangeClient {
  readonly #options: ExchangeClientOptions
  readonly #channels = new Map<Channel, Set<string>>(channelNames.map((name) => [name, new Set()]))
  readonly #timers = new Subscription()
  readonly #requests: RateLimiter
  #subscribed = false

  constructor(options: ExchangeClientOptions) {
    this.#options = options
    const { socket, clock } = options
    this.#requests = new RateLimiter({ perSecond: 8, burst: 20 }, clock)
    this.#timers.add(
      clock.scheduler.schedule(() => {
        if (!this.#subscribed) socket.close(1008, 'no subscription')
      }, subscribeWithinMs),
    )
    this.#timers.add(interval(heartbeatMs, clock.scheduler).subscribe(() => this.#sendHeartbeats()))
  }

  get isSubscribed(): boolean {
    return this.#subscribed
  }

  close(): void {
    this.#timers.unsubscribe()
  }

  receive(text: string): void {
    if (!this.#requests.tryTake()) {
      this.#sendText(errorFrame('rate limit exceeded', 'too many requests'))
      return
    }
    const request = parse(text)
    if (request?.type === 'subscribe') this.#subscribe(request)
    else if (request?.type === 'unsubscribe') this.#unsubscribe(request)
    else this.#sendText(errorFrame('Malformed JSON', 'neither subscribe nor unsubscribe'))
  }

  /** Passes the frame on if the client is subscribed to it. */
  send({ product, channel, data }: MarketFrame): void {
    const wanted =
      this.#subscribed &&
      (channel === undefined || product === undefined || this.#channels.get(channel)?.has(product) === true)
    if (!wanted) return
    if (typeof data === 'string') this.#sendText(data)
    else if (this.#options.socket.readyState === WebSocket.OPEN)
      this.#options.socket.send(data, { binary: false })
  }

  /** Resolves when the client has read most of what was sent to it, or is gone. */
  async drained(): Promise<void> {
    const { socket, clock } = this.#options
    while (socket.bufferedAmount > unreadBytesFull && socket.readyState === WebSocket.OPEN) {
      await clock.sleep(drainCheckMs)
    }
  }

  #subscribe(request: Request): void {
    const { market, faults } = this.#options
    const rejected = new Map<string, string>()
    const accepted: [Channel, string][] = []
    for (const [channel, product] of request.pairs) {
      const known = market.products.includes(product)
      const reason = faults.rejects?.(product) ?? (known ? undefined : `${product} is not a valid product`)
      if (reason !== undefined) rejected.set(product, reason)
      else if (channel !== 'heartbeat' || market.hasHeartbeats(product)) accepted.push([channel, product])
    }
    for (const reason of rejected.values()) this.#sendText(errorFrame('Failed to subscribe', reason))
    if (rejected.size > 0 && faults.rejectsWhole) return
    if (accepted.length === 0 && rejected.size > 0) return
    this.#subscribed = true
    for (const [channel, product] of accepted) this.#channels.get(channel)?.add(product)
    this.#acknowledge()
    for (const [channel, product] of accepted) this.#sendLast(channel, product)
  }

  #unsubscribe(request: Request): void {
    for (const [channel, product] of request.pairs) this.#channels.get(channel)?.delete(product)
    this.#acknowledge()
  }

  #acknowledge(): void {
    const channels = [...this.#channels]
      .filter(([, products]) => products.size > 0)
      .map(([name, products]) => ({ name, product_ids: [...products], account_ids: null }))
    this.#sendText(JSON.stringify({ type: 'subscriptions', channels }))
  }

  /** Each subscription re-sends the newest trade that there is, or one that was. */
  #sendLast(channel: Channel, product: string): void {
    const { market, faults } = this.#options
    const last = market.trades(product, { limit: 1 + (faults.greetingsLagTrades?.() ?? 0) }).at(-1)
    if (!last) return
    if (channel === 'matches') this.#sendText(matchFrame(last, 'last_match'))
    if (channel === 'ticker') this.#sendText(tickerFrame(last))
  }

  #sendHeartbeats(): void {
    const { market, clock } = this.#options
    for (const product of this.#channels.get('heartbeat') ?? []) {
      this.#sendText(heartbeatFrame(product, market.lastTrade(product), clock.now()))
    }
  }

  #sendText(text: string): void {
    const { socket, faults } = this.#options
    if (socket.readyState !== WebSocket.OPEN) return
    const frames: readonly SentFrame[] = faults.frames?.(text) ?? [text]
    for (const frame of frames) {
      if (typeof frame === 'string') socket.send(frame)
      else socket.send(frame.bytes, { binary: frame.binary })
    }
    if (socket.bufferedAmount > unreadBytesMax) socket.terminate()
  }
}

interface Request {
  readonly type: 'subscribe' | 'unsubscribe'
  readonly pairs: readonly (readonly [Channel, string])[]
}

/** Channels are names, or objects that may have products of their own. */
function parse(text: string): Request | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isFields(value) || (value.type !== 'subscribe' && value.type !== 'unsubscribe')) return undefined
  const pairs: (readonly [Channel, string])[] = []
  for (const channel of Array.isArray(value.channels) ? value.channels : []) {
    const name: unknown = isFields(channel) ? channel.name : channel
    const products: unknown = (isFields(channel) ? channel.product_ids : undefined) ?? value.product_ids
    const known = channelNames.find((each) => each === name)
    if (!known || !Array.isArray(products)) continue
    for (const product of products) if (typeof product === 'string') pairs.push([known, product])
  }
  return { type: value.type, pairs }
}
