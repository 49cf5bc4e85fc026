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
    let first = -1
    let firstMs = Number.POSITIVE_INFINITY
    const heads: number[] = []
    let waiting = false
    this.queues.forEach((queue, i) => {
      const headMs = queue.headMs(this.#badOf(queue))
      heads.push(headMs ?? Number.POSITIVE_INFINITY)
      if (headMs === undefined) waiting ||= this.#mustWaitFor(queue)
      else if (headMs < firstMs || first < 0) {
        first = i
        firstMs = headMs
      }
    })
    const queue = this.queues[first]
    if (!queue || waiting) return undefined
    this.#idleSinceMs = undefined
    // The first one is taken without being asked about.
    let room = recordsMax - 1
    const passes = (timestampMs: number) =>
      room-- > 0 &&
      heads.every((headMs, i) => i === first || (i < first ? timestampMs < headMs : timestampMs <= headMs))
    return { queue, chunk: queue.take(passes, this.#badOf(queue)) }
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
