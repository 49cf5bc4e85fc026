import type { Clock } from '../clock.ts'

/** From the beginning of one commit to that of the next: what a core and a broker can bear, and what comes in between shares one. */
const paceMs = 10

/** When the next commit may begin. */
export class CommitPace {
  readonly #clock: Pick<Clock, 'now'>
  #begunMs = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** A commit begins. */
  begin(): void {
    this.#begunMs = this.#clock.now()
  }

  /** Until the next one may. */
  get waitMs(): number {
    // A clock that was set back must not keep anybody waiting.
    const passedMs = Math.max(0, this.#clock.now() - this.#begunMs)
    return Math.max(0, paceMs - passedMs)
  }
}
