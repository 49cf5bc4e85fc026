import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import { Heap } from '../../state/heap.ts'

/** Where virtual time begins: event times of a simulation look like those of a real one. */
const startMs = Date.UTC(2026, 0, 1)

/** Decides when work that is due is done: at once, later, or never. */
export type Gate = (work: () => void) => void

interface Due {
  readonly atMs: number
  /** Of two that are due at once, the one that was set first. */
  readonly order: number
  readonly run: () => void
  /** Whether nobody wants it any more; absent: it is wanted in any case. */
  readonly isVoid?: () => boolean
}

/**
 * Time that passes only by steps, each of which does one thing that is due. RxJS's own virtual time sorts all timers at
 * each one that is set, and has no steps between which promises settle.
 */
export class VirtualTime {
  readonly #due = new Heap<Due>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order))
  #nowMs = startMs
  #set = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** Since the beginning. */
  get elapsedMs(): number {
    return this.#nowMs - startMs
  }

  at(atMs: number, run: () => void, isVoid?: () => boolean): void {
    this.#due.add({ atMs: Math.max(atMs, this.#nowMs), order: this.#set++, run, ...(isVoid && { isVoid }) })
  }

  after(delayMs: number, run: () => void, isVoid?: () => boolean): void {
    this.at(this.#nowMs + Math.max(0, delayMs), run, isVoid)
  }

  /** Does what is due next, and moves time there. False: nothing will ever be due. */
  step(): boolean {
    let next = this.#due.takeFirst()
    // Most timers are timeouts of what has long been answered.
    while (next?.isVoid?.()) next = this.#due.takeFirst()
    if (!next) return false
    this.#nowMs = next.atMs
    next.run()
    return true
  }

  /** An RxJS scheduler on this time, whose work goes through the gate. */
  scheduler(now: () => number, gate: Gate): SchedulerLike {
    return {
      now,
      schedule: <T>(
        work: (this: SchedulerAction<T>, state?: T) => void,
        delayMs = 0,
        state?: T,
      ): Subscription => new VirtualAction(this, gate, work).schedule(state, delayMs),
    }
  }
}

/** One piece of scheduled work, which may schedule itself again from within. Source: RxJS `AsyncAction`. */
class VirtualAction<T> extends Subscription implements SchedulerAction<T> {
  readonly #time: VirtualTime
  readonly #gate: Gate
  readonly #work: (this: SchedulerAction<T>, state?: T) => void
  /** Which of its schedules counts: an earlier one that is still due is void. */
  #current = 0

  constructor(time: VirtualTime, gate: Gate, work: (this: SchedulerAction<T>, state?: T) => void) {
    super()
    this.#time = time
    this.#gate = gate
    this.#work = work
  }

  schedule(state?: T, delayMs = 0): Subscription {
    if (this.closed) return this
    const mine = ++this.#current
    const isVoid = () => this.closed || mine !== this.#current
    this.#time.after(delayMs, () => this.#gate(() => this.#run(mine, state)), isVoid)
    return this
  }

  #run(mine: number, state: T | undefined): void {
    // The gate may have let it through much later.
    if (this.closed || mine !== this.#current) return
    this.#work.call(this, state)
    if (mine === this.#current) this.unsubscribe()
  }
}
