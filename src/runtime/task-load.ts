/** How a task's time was spent lately, as shares of it; the rest it had nothing to do. */
export interface Load {
  readonly busy: number
  /** It had something to do, and waited for whoever takes what it makes. */
  readonly heldBack: number
}

interface Sample {
  readonly atMs: number
  readonly busyMs: number
  readonly heldBackMs: number
}

/** One a second: the shares are over about so many seconds. */
const samplesMax = 5

/**
 * Busy, held back or idle: looked at once a chunk. A clock of whole milliseconds is enough: of what lasts for a third of one, every
 * third is seen to last for one. Source: Flink's `busyTimeMsPerSecond`, `backPressuredTimeMsPerSecond`, `idleTimeMsPerSecond`.
 */
export class TaskLoad {
  readonly #now: () => number
  #busyMs = 0
  #heldBackMs = 0
  #heldBackSinceMs: number | undefined
  #samples: Sample[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** Since when it works now; to be given back at its end. */
  begin(): number {
    return this.#now()
  }

  end(begunMs: number): void {
    this.#busyMs += Math.max(0, this.#now() - begunMs)
  }

  /** Whether it waits for whoever takes what it makes. */
  holdBack(isHeldBack: boolean): void {
    if (isHeldBack === (this.#heldBackSinceMs !== undefined)) return
    this.#heldBackMs = this.#heldBackUntil(this.#now())
    this.#heldBackSinceMs = isHeldBack ? this.#now() : undefined
  }

  sample(nowMs: number): void {
    this.#samples.push({ atMs: nowMs, busyMs: this.#busyMs, heldBackMs: this.#heldBackUntil(nowMs) })
    this.#samples = this.#samples.slice(-samplesMax)
  }

  since(nowMs: number): Load {
    const [oldest] = this.#samples
    const elapsedMs = oldest ? nowMs - oldest.atMs : 0
    if (!oldest || elapsedMs <= 0) return { busy: 0, heldBack: 0 }
    const busy = Math.min(1, (this.#busyMs - oldest.busyMs) / elapsedMs)
    const heldBack = (this.#heldBackUntil(nowMs) - oldest.heldBackMs) / elapsedMs
    return { busy, heldBack: Math.min(1 - busy, Math.max(0, heldBack)) }
  }

  #heldBackUntil(nowMs: number): number {
    const sinceMs = this.#heldBackSinceMs
    return this.#heldBackMs + (sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs))
  }
}
