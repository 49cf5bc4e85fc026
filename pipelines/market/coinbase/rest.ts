import { type Clock, type Logger, messageOf, type RetryPolicy, RivuletError, retry } from 'rivulet'
import { RateLimiter } from '../rate-limiter.ts'
import type { ExchangeTime } from './exchange-time.ts'
import { get } from './get.ts'
import { frameBytesMax } from './message.ts'
import { decodeRestPage, type RestPage } from './rest-page.ts'

/** The most that Coinbase gives in one answer. */
export const restPageTrades = 1000
/** How long an answer of 429 may ask us to wait. */
const retryAfterMsMax = 60_000
/** Asked like this the exchange knows no such trades; a proxy or a deployment says the same, but not for long. */
const refusals: ReadonlySet<number> = new Set([400, 404])

export interface CoinbaseRestOptions {
  readonly restUrl: string
  readonly clock: Clock
  readonly logger: Logger
  readonly exchangeTime: ExchangeTime
  readonly timeoutMs: number
  readonly retryPolicy: RetryPolicy
  /** How long it is asked again, in waits, when it refuses to answer: then it is believed. */
  readonly refusedMsMax: number
  /** An answer that is no page of trades; it is asked for again. */
  readonly onGarbage: (product: string, bytes: Buffer) => void
  /** Who asks; default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined
}

/**
 * Coinbase's REST API for trades, asked politely: below its 10 requests/s (burst 15), after 429 as late as it says,
 * after 5xx, garbage and broken connections with backoff, for as long as it takes. Rejects with an error that is not
 * retryable when it refuses (400, 404) again and again.
 */
export class CoinbaseRest {
  readonly #options: CoinbaseRestOptions
  readonly #limiter: RateLimiter

  constructor(options: CoinbaseRestOptions) {
    this.#options = options
    this.#limiter = new RateLimiter({ perSecond: 8, burst: 10 }, options.clock)
  }

  /**
   * The newest trades with `fromId <= id <= toId`, at most 1000; older ones may come with them. Where the answer ends
   * before `toId`, whoever gave it may just not know the newest yet.
   */
  tradesBetween(product: string, fromId: number, toId: number, signal: AbortSignal): Promise<RestPage> {
    const limit = Math.min(restPageTrades, toId - fromId + 1)
    return this.#page(product, toId, `limit=${limit}&after=${toId + 1}`, signal)
  }

  /** The newest id that the exchange's REST API knows; 0 if it has none. It may lag behind the socket. */
  async newestId(product: string, signal: AbortSignal): Promise<number> {
    return (await this.#page(product, Number.POSITIVE_INFINITY, 'limit=1', signal)).newestId
  }

  async #page(product: string, toId: number, query: string, signal: AbortSignal): Promise<RestPage> {
    const { restUrl, exchangeTime, clock, logger, retryPolicy, refusedMsMax, onGarbage } = this.#options
    const url = `${restUrl.replace(/\/+$/, '')}/products/${encodeURIComponent(product)}/trades?${query}`
    /** Since it last did anything else than refuse. */
    let refusedMs = 0
    return retry(
      async (attempt) => {
        await this.#limiter.take(signal)
        const bytes = await this.#get(url, signal)
        const page = decodeRestPage({ product, toId }, bytes, exchangeTime.latestMs)
        if (page) return page
        if (attempt === 1) onGarbage(product, bytes.subarray(0, frameBytesMax))
        throw new RivuletError('SOURCE_FAILED', `${url} did not answer with trades`, { retryable: true })
      },
      {
        clock,
        policy: retryPolicy,
        signal,
        retryable: (error) => !signal.aborted && (!isRefusal(error) || refusedMs < refusedMsMax),
        onRetry: (error, attempt, waitMs) => {
          refusedMs = isRefusal(error) ? refusedMs + waitMs : 0
          const level = attempt === 1 ? 'warn' : 'debug'
          logger[level]({ product, waitMs, error: messageOf(error) }, 'fetching trades failed: trying again')
        },
      },
    )
  }

  #get(url: string, signal: AbortSignal): Promise<Buffer> {
    const { clock, timeoutMs, fetch } = this.#options
    return get(url, { clock, timeoutMs, signal, fetch, refused: (response) => this.#refused(url, response) })
  }

  #refused(url: string, { status, headers }: Response): RivuletError {
    if (status === 429) {
      const waitMs = retryAfterMs(headers.get('retry-after'), this.#options.clock.now())
      if (waitMs > 0) this.#limiter.pause(Math.min(waitMs, retryAfterMsMax))
    }
    const retryable = !refusals.has(status)
    return new RivuletError('SOURCE_FAILED', `${url} answered ${status}`, { retryable })
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof RivuletError && !error.retryable
}

/** Seconds, or a date; whatever else it is: NaN. Source: RFC 9110, Retry-After. */
function retryAfterMs(value: string | null, nowMs: number): number {
  if (value === null) return Number.NaN
  return /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs
}
