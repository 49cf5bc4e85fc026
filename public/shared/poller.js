// When to ask: every so often, never twice at once, not at all while nobody looks, less often while nobody answers.

const backoffMs = { first: 1_000, most: 10_000 }

/**
 * `poll(signal)` does one round; it is aborted when the tab is hidden. `onFailure(error, retryInMs)` hears of one that
 * failed; `retryInMs` is null when nothing will be tried by itself.
 */
export class Poller {
  #poll
  #onFailure
  #everyMs = 0
  #timer
  #running = null
  #again = false
  #failures = 0

  constructor({ poll, onFailure }) {
    this.#poll = poll
    this.#onFailure = onFailure
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#pause() : this.#resume()))
    // Coming back from no network is the moment to try, whatever the backoff says.
    addEventListener('online', () => {
      if (this.#everyMs > 0) this.refresh()
    })
  }

  /** 0: off. */
  set everyMs(value) {
    this.#everyMs = value
    this.#schedule()
  }

  /** At once; when a round is under way, right after it. */
  refresh() {
    clearTimeout(this.#timer)
    this.#again = this.#running !== null
    if (!this.#running && !document.hidden) void this.#round()
  }

  #pause() {
    clearTimeout(this.#timer)
    this.#again = false
    this.#running?.abort()
  }

  #resume() {
    this.#failures = 0
    if (this.#everyMs > 0) this.refresh()
  }

  async #round() {
    const round = new AbortController()
    this.#running = round
    let failure = null
    try {
      await this.#poll(round.signal)
      this.#failures = 0
    } catch (error) {
      failure = error
    }
    this.#running = null
    if (round.signal.aborted) {
      // Hidden and shown again before the abort was through.
      if (!document.hidden && this.#everyMs > 0) this.refresh()
      return
    }
    if (failure) this.#failures++
    const waitMs = this.#schedule()
    if (failure) this.#onFailure(failure, waitMs)
  }

  /** Sets the next round's timer, unless one is running; returns the wait, or null when there is none. */
  #schedule() {
    clearTimeout(this.#timer)
    if (this.#running || document.hidden) return null
    if (this.#again) {
      this.#again = false
      void this.#round()
      return 0
    }
    if (this.#everyMs === 0) return null
    const backoff = Math.min(backoffMs.most, backoffMs.first * 2 ** Math.min(this.#failures - 1, 10))
    const waitMs = this.#failures === 0 ? this.#everyMs : backoff * (0.75 + Math.random() / 2)
    this.#timer = setTimeout(() => void this.#round(), waitMs)
    return waitMs
  }
}
