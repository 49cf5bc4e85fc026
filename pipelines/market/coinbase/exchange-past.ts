import { type Clock, type Logger, messageOf, RivuletError, retry } from 'rivulet'
import type { Past, PastMinute } from '../api/past.ts'
import { RateLimiter } from '../rate-limiter.ts'
import { symbolOf } from '../trade.ts'
import { get } from './get.ts'

const minuteMs = 60_000
/** A day, the newest page of each product first. Coinbase gives up to 300 minutes in an answer. */
const [pages, pageMinutes] = [10, 144]
const timeoutMs = 10_000
/** A page that can't be had is left out. */
const retryPolicy = { initialMs: 1_000, waitMsMax: 10_000, attemptsMax: 3 }

export interface ExchangePastOptions {
  readonly products: readonly string[]
  readonly restUrl: string
  readonly clock: Clock
  readonly logger: Logger
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

/**
 * The exchange's own one-minute candles of the day before the start, asked for once, one request after the other; what does
 * not come is left out, with a line in the log. Source: Coinbase Exchange, "Get product candles".
 */
export class ExchangePast implements Past {
  readonly #options: ExchangePastOptions
  /** Of the exchange's 10 requests a second, fetching trades takes 8: these are the others. */
  readonly #limiter: RateLimiter
  readonly #minutes = new Map<string, readonly PastMinute[]>()
  readonly #stop = new AbortController()
  #version = 0

  constructor(options: ExchangePastOptions) {
    this.#options = options
    this.#limiter = new RateLimiter({ perSecond: 2, burst: 2 }, options.clock)
  }

  get version(): number {
    return this.#version
  }

  get symbols(): Iterable<string> {
    return this.#minutes.keys()
  }

  minutesOf(symbol: string): readonly PastMinute[] {
    return this.#minutes.get(symbol) ?? []
  }

  /** Resolves when all that can be had is there, or `close` was called. */
  async load(): Promise<void> {
    const { products, clock, logger } = this.#options
    const { signal } = this.#stop
    const startedMs = Math.floor(clock.now() / minuteMs) * minuteMs
    const left = new Set(products)
    for (let page = 0; page < pages && !signal.aborted; page++) {
      for (const product of left) {
        try {
          await this.#take(product, startedMs - page * pageMinutes * minuteMs)
        } catch (error) {
          if (signal.aborted) return
          left.delete(product)
          logger.debug({ product, error: messageOf(error) }, 'the exchange did not tell of the past')
        }
      }
      this.#version++
    }
  }

  close(): void {
    this.#stop.abort()
  }

  async #take(product: string, endMs: number): Promise<void> {
    const { restUrl, clock, fetch } = this.#options
    const { signal } = this.#stop
    // The end is one of theirs, too.
    const time = (ms: number) => new Date(ms).toISOString()
    const span = `start=${time(endMs - pageMinutes * minuteMs)}&end=${time(endMs - minuteMs)}`
    const path = `products/${encodeURIComponent(product)}/candles?granularity=60&${span}`
    const url = `${restUrl.replace(/\/+$/, '')}/${path}`
    const refused = ({ status }: Response) =>
      new RivuletError('SOURCE_FAILED', `${url} answered ${status}`, { retryable: status >= 429 })
    const bytes = await retry(
      async () => {
        await this.#limiter.take(signal)
        return get(url, { clock, timeoutMs, signal, fetch, refused })
      },
      { clock, signal, policy: retryPolicy, retryable: mayPass },
    )
    const symbol = symbolOf(product)
    this.#minutes.set(symbol, [...minutesIn(bytes), ...this.minutesOf(symbol)])
  }
}

function mayPass(error: unknown): boolean {
  return !(error instanceof RivuletError) || error.retryable
}

/** `[[s, low, high, open, close, volume]]`, newest first; in order of time. What is none of these is left out. */
function minutesIn(bytes: Buffer): PastMinute[] {
  const rows: unknown = JSON.parse(String(bytes))
  const minutes = (Array.isArray(rows) ? rows : []).flatMap((row: unknown) => minuteOf(row) ?? [])
  return minutes.sort((a, b) => a.startMs - b.startMs)
}

function minuteOf(row: unknown): PastMinute | undefined {
  if (!Array.isArray(row) || !row.every((value) => typeof value === 'number' && value >= 0)) return undefined
  const [seconds, low, high, open, close, volume] = row as number[]
  if (seconds === undefined || !low || !high || !open || !close || volume === undefined) return undefined
  return { startMs: seconds * 1000, open, high, low, close, volume }
}
