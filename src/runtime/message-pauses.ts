import type { Clock } from '../clock.ts'

/** Of fewer messages nothing can be told. */
const messagesMin = 30
/** A longest pause is remembered for one to two such times. */
const periodMs = 300_000

/** How long a source was quiet between two messages while nothing was wrong: what is longer by far is a silence. */
export class MessagePauses {
  readonly #clock: Pick<Clock, 'now'>
  #lastMs: number | undefined
  #messages = 0
  #periodBeganMs = 0
  #longestMs = 0
  #longestBeforeMs = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Undefined: too few messages have come. */
  get longestMs(): number | undefined {
    return this.#messages < messagesMin ? undefined : Math.max(this.#longestMs, this.#longestBeforeMs)
  }

  received(): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#periodBeganMs >= periodMs) {
      this.#periodBeganMs = nowMs
      this.#longestBeforeMs = this.#longestMs
      this.#longestMs = 0
    }
    if (this.#lastMs !== undefined) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    this.#messages++
  }

  /** Something was wrong, or is: how long this pause lasts says nothing of the others. */
  interrupt(): void {
    this.#lastMs = undefined
  }
}
