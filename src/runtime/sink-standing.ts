import type { Clock } from '../clock.ts'

/** `opening`: it has not been reached yet; `retrying`: the last try has failed. */
export type SinkState = 'opening' | 'idle' | 'writing' | 'retrying'

/** A write under way. */
export interface Writing {
  readonly sinceMs: number
  readonly rows: number
}

/** How a sink is, and how its writes have been. */
export class SinkStanding {
  rows = 0
  writes = 0
  retries = 0
  lastWriteMs: number | undefined
  /** Of the last write that has succeeded. */
  lastWriteTookMs: number | undefined
  readonly #clock: Pick<Clock, 'now'>
  readonly #writing = new Set<Writing>()
  #isOpen = false
  #quietSinceMs: number
  #trouble: { readonly reason: string; readonly sinceMs: number } | undefined

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
    this.#quietSinceMs = clock.now()
  }

  opened(): void {
    this.#isOpen = true
    this.#quietSinceMs = this.#clock.now()
  }

  /** Why the last try has failed; undefined: one has succeeded. */
  tried(reason: string | undefined): void {
    if (reason === undefined) {
      this.#trouble = undefined
      return
    }
    this.retries++
    this.#trouble = { reason, sinceMs: this.#trouble?.sinceMs ?? this.#clock.now() }
  }

  begin(rows: number): Writing {
    const writing = { sinceMs: this.#clock.now(), rows }
    this.#writing.add(writing)
    return writing
  }

  end(writing: Writing): void {
    const nowMs = this.#clock.now()
    this.#writing.delete(writing)
    this.rows += writing.rows
    this.writes++
    this.lastWriteMs = nowMs
    this.lastWriteTookMs = nowMs - writing.sinceMs
    this.#quietSinceMs = nowMs
  }

  /** Whether it becomes anything is not known here any more. */
  giveUp(writing: Writing): void {
    this.#writing.delete(writing)
  }

  get state(): SinkState {
    if (this.#trouble) return 'retrying'
    if (!this.#isOpen) return 'opening'
    return this.#writing.size > 0 ? 'writing' : 'idle'
  }

  /** Since when it is in that state; where it writes, since the beginning of the oldest write. */
  get sinceMs(): number {
    if (this.#trouble) return this.#trouble.sinceMs
    const [oldest] = this.#writing
    return this.#isOpen && oldest ? oldest.sinceMs : this.#quietSinceMs
  }

  get problem(): string | undefined {
    return this.#trouble?.reason
  }
}
