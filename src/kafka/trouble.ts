import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'

/** From one sentence to the next: doubled each time. */
const waitMsMin = 1_000
const waitMsMax = 60_000
/** What was not heard of for so long is over, and what comes then is new. */
const quietMs = 30_000

interface TroubleOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly onTrouble?: ((reason: string | undefined) => void) | undefined
}

/**
 * What an operator is told while calls to Kafka fail: a sentence at once, then ever more rarely, however many calls it are
 * that fail, and that it is over, when the last of them has succeeded.
 */
export class Trouble {
  readonly #options: TroubleOptions
  /** Calls that have failed for a while and go on trying. */
  #calls = 0
  #beganMs = 0
  #heardMs = Number.NEGATIVE_INFINITY
  #saidMs = 0
  #waitMs = 0

  constructor(options: TroubleOptions) {
    this.#options = options
  }

  /** One more call has failed for a while. */
  begin(): void {
    if (this.#calls++ === 0) this.#beganMs = this.#options.clock.now()
  }

  /** One of those calls is done; `answered`: it has succeeded. */
  end({ answered }: { readonly answered: boolean }): void {
    this.#calls -= 1
    if (this.#calls > 0) return
    const { clock, logger, onTrouble } = this.#options
    this.#heardMs = Number.NEGATIVE_INFINITY
    onTrouble?.(undefined)
    if (answered) logger.info({ afterMs: Math.round(clock.now() - this.#beganMs) }, 'Kafka answers again')
  }

  /** Says why something failed that is tried again, unless something like it was said a moment ago. */
  say(reason: string): void {
    const { clock, logger, onTrouble } = this.#options
    const nowMs = clock.now()
    const isNew = nowMs - this.#heardMs > quietMs
    this.#heardMs = nowMs
    if (!isNew && nowMs - this.#saidMs < this.#waitMs) {
      logger.debug(`${reason}; trying again`)
      return
    }
    this.#saidMs = nowMs
    this.#waitMs = isNew ? waitMsMin : Math.min(this.#waitMs * 2, waitMsMax)
    // Of what is no such call, nobody would say that it is over.
    if (this.#calls > 0) onTrouble?.(reason)
    logger.warn(`${reason}; trying again`)
  }
}
