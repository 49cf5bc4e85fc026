import type { Subscription } from 'rxjs'
import type { Clock } from '../clock.ts'
import { CommitPace } from './commit-pace.ts'

export interface CommitScheduleOptions {
  readonly clock: Clock
  /** From what was processed to its commit; absent: as it serves readers and throughput best. */
  readonly intervalMs?: number | undefined
  /** How many records are known to be left to do. */
  readonly behind: () => number
  /** Whether memory should hold no more of what is not committed. */
  readonly isFull: () => boolean
  readonly commit: () => void
}

/** Where nothing else decides. */
const usualMs = 100
/** So many times the usual, for a task that needs longer than that to catch up. */
const usualsMax = 10
/** What is not committed is kept in memory, and is done again after a crash. */
const recordsMax = 500_000

/**
 * When a task commits. At once, when it has done all that there is to do, and has sent something that others wait for. Far
 * behind, it does so rarely: nobody waits for its results to the millisecond, and changes to one key become one record of its
 * changelog. Else after the usual time. An `intervalMs` is that time, whatever there is to do. Full
 * memory waits for none of this.
 */
export class CommitSchedule {
  readonly #options: CommitScheduleOptions
  #timer: Subscription | undefined
  /** When the timer is due. */
  #dueMs = 0
  readonly #pace: CommitPace
  #records = 0
  #hasSent = false
  #usuals = 0

  constructor(options: CommitScheduleOptions) {
    this.#options = options
    this.#pace = new CommitPace(options.clock)
  }

  /** So many records were processed since the last commit, and `sent`: something came of them. */
  note(records: number, sent: boolean): void {
    this.#records += records
    this.#hasSent ||= sent
    if (!this.#timer) this.#commitIn(this.#options.intervalMs ?? usualMs)
  }

  /** Everything is done that could be, for now. */
  rest(): void {
    if (!this.#timer) return
    if (this.#options.isFull()) this.#commitIn(0)
    else if (this.#options.intervalMs !== undefined) return
    else if (this.#records >= recordsMax) this.#commitIn(0)
    else if (this.#hasSent && this.#options.behind() === 0) this.#commitIn(this.#pace.waitMs)
  }

  /** A commit begins with all that was noted. */
  begin(): void {
    this.cancel()
    this.#pace.begin()
    this.#records = 0
    this.#hasSent = false
    this.#usuals = 0
  }

  cancel(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
  }

  #commitIn(ms: number): void {
    const dueMs = this.#options.clock.now() + ms
    if (this.#timer && this.#dueMs <= dueMs) return
    this.cancel()
    this.#dueMs = dueMs
    this.#timer = this.#options.clock.scheduler.schedule(() => this.#due(), ms)
  }

  #due(): void {
    this.#timer = undefined
    this.#usuals++
    if (this.#options.intervalMs === undefined && this.#isFarBehind) this.#commitIn(usualMs)
    else this.#options.commit()
  }

  /** At the speed of these records, the end is more than so many usual times away. */
  get #isFarBehind(): boolean {
    if (this.#usuals >= usualsMax || this.#records >= recordsMax || this.#options.isFull()) return false
    return this.#options.behind() * this.#usuals > this.#records * usualsMax
  }
}
