import type { BadRecord, InputQueue } from './input-queue.ts'
import type { TimedChunk } from './timed-chunk.ts'

export interface Taken {
  readonly queue: InputQueue
  readonly chunk: TimedChunk
}

export interface InputGroupOptions {
  /** How long to wait for producers when an input has nothing; for what is on the broker it waits always. */
  readonly idleMsMax: number
  readonly now: () => number
  readonly bad: (queue: InputQueue, record: BadRecord) => void
}

/**
 * The inputs of a task, read as one: the record with the lowest timestamp among the heads comes next, and of equal ones
 * that of the first input. Runs of records of one input come as one chunk. Source: Kafka Streams' `PartitionGroup`.
 */
export class InputGroup {
  readonly queues: readonly InputQueue[]
  readonly #options: InputGroupOptions
  readonly #bad = new Map<InputQueue, (record: BadRecord) => void>()
  /** Event time of each queue's first record; Infinity: it has none. Filled anew for each `next`. */
  readonly #heads: number[] = []
  #idleSinceMs: number | undefined

  constructor(queues: readonly InputQueue[], options: InputGroupOptions) {
    this.queues = queues
    this.#options = options
    for (const queue of queues) this.#bad.set(queue, (record) => options.bad(queue, record))
  }

  /** At most so many of the next records; undefined: there are none, or an input has to be waited for. */
  next(recordsMax = Number.POSITIVE_INFINITY): Taken | undefined {
    const [only] = this.queues
    if (this.queues.length === 1 && only) {
      const chunk = only.takeUpTo(recordsMax, this.#badOf(only))
      return chunk && { queue: only, chunk }
    }
    const first = this.#firstHead()
    const queue = this.queues[first]
    if (!queue) return undefined
    this.#idleSinceMs = undefined
    return { queue, chunk: queue.take(this.#lastMsBefore(first), recordsMax, this.#badOf(queue)) }
  }

  /** Which queue has the next record; −1: none has, or one of them has to be waited for. */
  #firstHead(): number {
    let first = -1
    let firstMs = Number.POSITIVE_INFINITY
    let isWaiting = false
    for (let i = 0; i < this.queues.length; i++) {
      const queue = this.queues[i] as InputQueue
      const headMs = queue.headMs(this.#badOf(queue))
      this.#heads[i] = headMs ?? Number.POSITIVE_INFINITY
      if (headMs === undefined) isWaiting ||= this.#mustWaitFor(queue)
      else if (headMs < firstMs || first < 0) {
        first = i
        firstMs = headMs
      }
    }
    return isWaiting ? -1 : first
  }

  /** Up to which time its records come before the heads of all others: at equal times, the first input's do. */
  #lastMsBefore(first: number): number {
    let lastMs = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#heads.length; i++) {
      if (i === first) continue
      const headMs = this.#heads[i] as number
      // Whole times: what comes before the one of an earlier input is at most a millisecond less.
      lastMs = Math.min(lastMs, i < first ? headMs - 1 : headMs)
    }
    return lastMs
  }

  /** Until when it waits for producers; undefined: it does not. */
  get waitsUntilMs(): number | undefined {
    return this.#idleSinceMs === undefined ? undefined : this.#idleSinceMs + this.#options.idleMsMax
  }

  #mustWaitFor(queue: InputQueue): boolean {
    if (!queue.caughtUp) return true
    const { idleMsMax, now } = this.#options
    if (idleMsMax === 0) return false
    this.#idleSinceMs ??= now()
    return now() < this.#idleSinceMs + idleMsMax
  }

  #badOf(queue: InputQueue): (record: BadRecord) => void {
    return this.#bad.get(queue) as (record: BadRecord) => void
  }
}
