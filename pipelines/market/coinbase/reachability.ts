import { type Logger, messageOf, RivuletError } from 'rivulet'

/** Says each change once, however often the connection is tried in between. */
export class Reachability {
  readonly #url: string
  readonly #logger: Logger
  #state: 'well' | 'lost' | 'unreachable' = 'well'

  constructor(url: string, logger: Logger) {
    this.#url = url
    this.#logger = logger
  }

  get isReachable(): boolean {
    return this.#state !== 'unreachable'
  }

  failed(error: unknown, waitMs: number): void {
    const reason = messageOf(error)
    if (error instanceof RivuletError && error.code === 'SOURCE_UNREACHABLE') {
      if (this.#state !== 'unreachable') {
        const sentence = `Coinbase can't be reached at ${this.#url} (${reason}): retrying quietly; --simulate runs a simulated market instead`
        this.#logger.warn({ code: error.code }, sentence)
      }
      this.#state = 'unreachable'
    } else if (this.#state === 'well') {
      this.#logger.warn(
        { reason, waitMs: Math.round(waitMs) },
        'the connection to Coinbase ended: connecting again',
      )
      this.#state = 'lost'
    }
    this.#logger.debug({ reason, waitMs: Math.round(waitMs) }, 'connecting to Coinbase failed')
  }

  connected(): void {
    if (this.#state === 'unreachable') {
      this.#logger.info('Coinbase can be reached again')
      this.#state = 'lost'
    }
  }

  /** Data came: the next loss is worth saying again. */
  live(): void {
    this.#state = 'well'
  }
}
