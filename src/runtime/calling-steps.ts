import type { RivuletError } from '../errors.ts'
import type { GraphNode } from '../stream/graph.ts'
import { AsyncCalls, callingNodes } from './async-calls.ts'
import type { Settings } from './environment.ts'
import type { Task, TaskOutput } from './task.ts'

export interface CallingStepsOptions {
  readonly task: Task
  readonly settings: Pick<Settings, 'clock' | 'onCallbackError'>
  /** Takes what came of the records, in their order. */
  readonly answered: (output: TaskOutput) => void
  /** A call has failed for good, and its record must not be left out. */
  readonly failed: (error: RivuletError) => void
}

/** A task's asynchronous steps, all together: between what the task puts out and what goes to Kafka. */
export class CallingSteps {
  readonly #calls: ReadonlyMap<GraphNode, AsyncCalls>

  constructor({ task, settings, answered, failed }: CallingStepsOptions) {
    const { clock, onCallbackError } = settings
    this.#calls = new Map(
      callingNodes(task.subTopology).map((node) => {
        const calls = new AsyncCalls({
          node,
          clock,
          answered: (chunk) => answered({ node, chunk }),
          failed: (failure) => {
            const outcome = onCallbackError(failure.error, failure.record)
            if (outcome === 'fail') {
              failed(failure.error)
              return 'fail'
            }
            task.leaveOut('callback-failed', outcome === 'dead-letter' ? failure : undefined)
            return 'drop'
          },
        })
        return [node, calls]
      }),
    )
  }

  /** Calls for what such a step has put out; false: it is none of theirs. */
  take({ node, chunk }: TaskOutput): boolean {
    const calls = this.#calls.get(node)
    calls?.push(chunk)
    return calls !== undefined
  }

  /** How many more records can be called for at once: few enough that a commit need not wait for long. */
  get room(): number {
    let room = Number.POSITIVE_INFINITY
    for (const calls of this.#calls.values()) room = Math.min(room, calls.room)
    return room
  }

  get isCalling(): boolean {
    return this.waiting > 0
  }

  /** Records that are not answered, or wait for one before them that is not. */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.#calls.values()) sum += waiting
    return sum
  }

  /** Resolves when nothing waits; rejects with the failure that ended it. */
  async settled(): Promise<void> {
    await Promise.all([...this.#calls.values()].map((calls) => calls.settled()))
  }

  /** Gives up what is under way. */
  close(reason: unknown): void {
    for (const calls of this.#calls.values()) calls.close(reason)
  }
}
