import { aborted, abortedWith } from '../aborted.ts'
import { isRetryable, messageOf, RivuletError } from '../errors.ts'
import { backoffMs, type RetryPolicy } from '../retry.ts'
import type { StateStore } from '../state/store.ts'
import type { SourceState } from '../stream/source.ts'
import type { SourceSubTopology } from '../stream/sub-topologies.ts'
import { createTask } from './create-task.ts'
import type { InstanceContext } from './instance-context.ts'
import { readPosition } from './source-position.ts'
import { sourceProducer } from './source-producer.ts'
import { type Rejection, SourceTask } from './source-task.ts'
import type { Task } from './task.ts'

export interface AssignedSourceOptions {
  readonly subTopology: SourceSubTopology
  readonly context: InstanceContext
  readonly globalStores: ReadonlyMap<string, StateStore>
}

/** No wait is shorter than half of the first: longer than a heartbeat, so that the group has said by then whose the source is. */
const takeOverPolicy: RetryPolicy = { initialMs: 3_000, waitMsMax: 30_000 }

/**
 * A source of this instance, from when the group gives it to when it takes it away. Where somebody else writes for it, or
 * an answer was missed, what was not committed is given up, and it is taken over again: if it is another's by now, the
 * group says so meanwhile.
 */
export class AssignedSource {
  readonly name: string
  readonly #options: AssignedSourceOptions
  readonly #ending = new AbortController()
  readonly #running: Promise<void>
  #task: SourceTask | undefined
  /** Why it waits for the next try to take it over. */
  #trouble: string | undefined
  #closing: Promise<void> | undefined

  constructor(options: AssignedSourceOptions) {
    this.#options = options
    this.name = options.subTopology.source.name
    this.#running = this.#run()
  }

  get state(): SourceState {
    return this.#trouble === undefined ? (this.#task?.state ?? 'connecting') : 'waiting'
  }

  get lastMessageMs(): number | undefined {
    return this.#task?.lastMessageMs
  }

  get rejections(): ReadonlyMap<string, Rejection> {
    return this.#task?.rejections ?? new Map()
  }

  get longestPauseMs(): number | undefined {
    return this.#task?.longestPauseMs
  }

  get subTopologyId(): number {
    return this.#options.subTopology.id
  }

  /** What runs; undefined while it is being taken over. */
  get task(): Task | undefined {
    return this.#task?.task
  }

  get problem(): string | undefined {
    return this.#trouble ?? this.#task?.problem
  }

  /** What it has emitted and is not in Kafka for good. */
  get uncommitted(): number {
    return this.#task?.uncommitted ?? 0
  }

  /** Commits what it has emitted; rejects when that can't be. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Gives up what is not committed, also while it is being closed. */
  async abandon(): Promise<void> {
    this.#ending.abort()
    await this.#task?.abandon()
    await this.#running
  }

  async #close(): Promise<void> {
    this.#ending.abort()
    await this.#task?.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { logger, settings, failed } = this.#options.context
    const { clock } = settings
    for (let tries = 1; ; tries++) {
      const begunMs = clock.now()
      const failure = await this.#runTask()
      if (this.#ending.signal.aborted) return
      if (!mayTakeOverAgain(failure)) {
        failed(failure)
        return
      }
      this.#task = undefined
      this.#trouble = messageOf(failure)
      logger.warn({ source: this.name }, `${this.#trouble}; taking the source over again`)
      if (clock.now() - begunMs > 2 * takeOverPolicy.waitMsMax) tries = 1
      await clock.sleep(backoffMs(takeOverPolicy, tries, clock), this.#ending.signal).catch(() => undefined)
      this.#trouble = undefined
    }
  }

  /** Resolves with what it failed by; with something, too, when it is to end. */
  async #runTask(): Promise<unknown> {
    const { context, subTopology } = this.#options
    const end = abortedWith(this.#ending.signal)
    const ends = end.signal
    try {
      const task = await this.#makeTask({ ...context, failed: (error) => end.abort(error) })
      if (ends.aborted) await task.abandon()
      else {
        this.#task = task
        context.statistics.taskStarted(task.task, subTopology.id)
        task.start()
        await aborted(ends)
        context.statistics.taskStopped(task.task)
      }
      return ends.reason
    } catch (error) {
      return error
    } finally {
      end.abort()
    }
  }

  async #makeTask(context: InstanceContext): Promise<SourceTask> {
    const { subTopology, globalStores } = this.#options
    const { source: node } = subTopology
    const producer = await sourceProducer(context, node.name)
    try {
      // Only now is it certain that nobody else commits for this source any more.
      const position = node.record.position && (await readPosition(context, node.name))
      const task = createTask(subTopology, context.settings, globalStores)
      return new SourceTask({ node, task, producer, position, context })
    } catch (error) {
      await producer.close()
      throw error
    }
  }
}

function mayTakeOverAgain(error: unknown): boolean {
  return isRetryable(error) || (error instanceof RivuletError && error.code === 'KAFKA_FENCED')
}
