import { type Clock, createClock } from '../../clock.ts'
import type { VirtualTime } from './virtual-time.ts'

/**
 * A computer of the simulation, on which one process runs. It can be frozen (nothing it has set happens, but its peers do
 * not notice), thawed, and killed, and its clock can jump.
 */
export class Machine {
  readonly name: string
  readonly clock: Clock
  readonly #time: VirtualTime
  readonly #deaths: (() => void)[] = []
  #frozen: (() => void)[] | undefined
  #clockAheadMs = 0
  #isDead = false

  constructor(name: string, time: VirtualTime, random: () => number) {
    this.name = name
    this.#time = time
    const scheduler = time.scheduler(
      // A machine tells the time in whole milliseconds, as `Date` does.
      () => Math.floor(time.nowMs) + this.#clockAheadMs,
      (work) => this.do(work),
    )
    this.clock = createClock(scheduler, random)
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  /** What happens on this machine happens here: not on a dead one, and on a frozen one when it is thawed. */
  do(work: () => void): void {
    if (this.#isDead) return
    if (this.#frozen) this.#frozen.push(work)
    else work()
  }

  /** The same after some time has passed. */
  after(delayMs: number, work: () => void): void {
    this.#time.after(delayMs, () => this.do(work))
  }

  freeze(): void {
    this.#frozen ??= []
  }

  /** What was due meanwhile happens now, in its order. */
  thaw(): void {
    const waiting = this.#frozen ?? []
    this.#frozen = undefined
    for (const work of waiting) this.do(work)
  }

  /** As a time server does it that finds a clock wrong. Timers that are set already are not moved by it. */
  jumpClock(byMs: number): void {
    this.#clockAheadMs += byMs
  }

  kill(): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#frozen = undefined
    for (const tell of this.#deaths) tell()
  }

  onDeath(tell: () => void): void {
    this.#deaths.push(tell)
  }
}
