import type { Subscription } from 'rxjs'
import { RivuletError } from '../errors.ts'
import { CallingSteps } from './calling-steps.ts'
import { CommitSchedule } from './commit-schedule.ts'
import { commitOf } from './committed-offsets.ts'
import { type DeadLetters, deadLetterOf } from './dead-letter.ts'
import type { Failure } from './failed-record.ts'
import { InputGroup } from './input-group.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import type { InstanceContext } from './instance-context.ts'
import { Outbox } from './outbox.ts'
import { failedLetterOf } from './refused-letter.ts'
import type { Task, TaskOutput } from './task.ts'
import type { TaskProducer } from './task-producer.ts'
import type { TaskState } from './task-state.ts'

/** So many rows of stores on disk may be in memory before the task commits. */
const unsettledRowsMax = 100_000

export interface StreamTaskOptions {
  readonly id: string
  readonly task: Task
  readonly queues: readonly InputQueue[]
  /** Restored. */
  readonly state: TaskState
  readonly producer: TaskProducer
  readonly context: InstanceContext
  readonly deadLetters: DeadLetters
  /** Room was made in the queues. */
  readonly worked: () => void
}

/**
 * A task of Kafka to Kafka, and its effects: what it sends, what its stores changed and how far it has read are
 * committed together. It takes records while a commit is under way; what they make belongs to the next one.
 */
export class StreamTask {
  readonly id: string
  readonly task: Task
  readonly queues: readonly InputQueue[]
  readonly #options: StreamTaskOptions
  readonly #inputs: InputGroup
  readonly #outbox: Outbox
  readonly #calls: CallingSteps
  readonly #committedOffsets = new Map<InputQueue, number>()
  /** Something was processed that is in no commit, not even in one under way. */
  #dirty = false
  readonly #schedule: CommitSchedule
  #idleTimer: Subscription | undefined
  #committing: Promise<void> | undefined
  /** A commit waits for calls: nothing more is taken, for what is taken is committed with it. */
  #settling = false
  #isRunning = false
  #waitsForRoom = false
  #stopped = false

  constructor(options: StreamTaskOptions) {
    this.#options = options
    this.id = options.id
    this.task = options.task
    this.queues = options.queues
    const { context, producer } = options
    const { settings } = context
    this.#outbox = new Outbox({
      context,
      producer,
      task: options.task,
      roomMade: () => {
        if (this.#waitsForRoom) this.run()
      },
      failed: (error) => this.#fail(error),
    })
    options.task.letters$.subscribe((failure) => this.#putAway(failure))
    this.#calls = new CallingSteps({
      task: options.task,
      settings,
      answered: (output) => this.#answered(output),
      failed: (error) => this.#fail(error),
    })
    this.#schedule = new CommitSchedule({
      clock: settings.clock,
      intervalMs: settings.commitIntervalMs,
      behind: () => this.#behind(),
      isFull: () => options.state.unsettled >= unsettledRowsMax,
      commit: () => void this.commit().catch((error) => this.#fail(error)),
    })
    this.#inputs = new InputGroup(options.queues, {
      idleMsMax: settings.taskIdleMsMax,
      now: () => settings.clock.now(),
      bad: (queue, record) => this.#bad(queue, record),
    })
    for (const queue of options.queues) this.#committedOffsets.set(queue, queue.position)
  }

  /** Something was processed that is not committed. */
  get isDirty(): boolean {
    return this.#dirty || this.#committing !== undefined
  }

  committedOffset(queue: InputQueue): number {
    // Behind the last record there may be nothing but transaction markers: there is nothing left to commit for them.
    const isCommitted = !this.#dirty && !this.#committing
    return isCommitted ? queue.position : (this.#committedOffsets.get(queue) ?? 0)
  }

  /** Works off what waits in its queues, as far as there is room for what comes of it. */
  run(): void {
    if (this.#isRunning) return // an answer that came at once
    this.#isRunning = true
    this.#idleTimer?.unsubscribe()
    const begunMs = this.task.load.begin()
    try {
      while (!this.#stopped && !this.#settling && this.#hasRoom()) {
        const next = this.#inputs.next(this.#calls.room)
        if (!next) break
        this.task.processTimed(next.queue.input.node, next.chunk)
        this.#touch(next.chunk.keys.length, this.#collect())
      }
      this.#waitsForRoom = !this.#hasRoom()
      this.#outbox.flush()
      if (this.#isAtRest) this.#schedule.rest()
    } catch (error) {
      this.#fail(error)
      return
    } finally {
      this.#isRunning = false
      this.task.load.end(begunMs)
      this.task.load.holdBack(this.#waitsForRoom || this.#settling)
    }
    this.#options.worked()
    this.#waitForProducers()
  }

  advanceWallClock(nowMs: number): void {
    if (this.#stopped) return
    try {
      this.task.advanceWallClock(nowMs)
      if (this.#collect()) this.#touch(0, true)
      this.#outbox.flush()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Commits what was processed until now. */
  async commit(): Promise<void> {
    while (this.#committing) await this.#committing
    if (!this.#dirty) return
    this.#committing = this.#commit()
    try {
      await this.#committing
    } finally {
      this.#committing = undefined
    }
    this.run()
  }

  /** Processes nothing more, commits what was processed, and gives up the producer. */
  async close(): Promise<void> {
    this.#stop()
    try {
      while (this.#committing) await this.#committing
      if (this.#dirty) await this.#commit()
      await this.#options.producer.close()
    } finally {
      await this.#options.state.close()
    }
  }

  /** Gives everything up that is not committed. */
  async abandon(): Promise<void> {
    this.#stop()
    this.#giveUp(new RivuletError('INTERNAL', `task ${this.id} is given up`))
    const { producer, state } = this.#options
    await state.close() // before a commit that is under way, and may be the last to succeed, can write there
    await producer.close()
  }

  #stop(): void {
    this.#stopped = true
    this.#schedule.cancel()
    this.#idleTimer?.unsubscribe()
  }

  async #commit(): Promise<void> {
    const { producer, state, context } = this.#options
    this.#settling = true
    while (this.#calls.isCalling || !this.#outbox.isResolved) {
      await this.#calls.settled()
      await this.#outbox.resolved()
    }
    this.#settling = false
    // From here to the first `await` nothing else runs: outputs, changes and offsets are those of the same records.
    this.#outbox.hold()
    this.#dirty = false
    this.#schedule.begin()
    const logging = state.log(producer)
    logging.catch(() => undefined) // then the commit rejects
    const places = this.queues.map(({ input, partition, position }) => {
      return { topic: input.topic, partition, offset: position }
    })
    const offsets = commitOf(this.id, places, this.task.streamTimes, state.ranges)
    const positions = new Map(this.queues.map((queue) => [queue, queue.position]))
    const sinceMs = context.settings.clock.now()
    await producer.commit(offsets, logging)
    this.#outbox.release()
    const tookMs = context.settings.clock.now() - sinceMs
    for (const [queue, position] of positions) this.#committedOffsets.set(queue, position)
    state.committed(await logging)
    context.emit({ type: 'committed', task: this.id, offsets, tookMs })
  }

  /** Takes over what the task has put out; whether there was anything. */
  #collect(): boolean {
    const outputs = this.task.takeOutputs()
    for (const output of outputs) if (!this.#calls.take(output)) this.#outbox.add(output)
    return outputs.length > 0
  }

  #answered(output: TaskOutput): void {
    try {
      this.#outbox.add(output)
    } catch (error) {
      this.#fail(error)
    }
    this.run()
  }

  #hasRoom(): boolean {
    // What is taken during a commit is not in it: as many rows again are all that may be held.
    const isFull = this.#committing !== undefined && this.#options.state.unsettled >= 2 * unsettledRowsMax
    return this.#calls.room > 0 && !this.#outbox.isFull && !isFull
  }

  /** Something happened that wants a commit. */
  #touch(records = 0, sent = false): void {
    this.#dirty = true
    this.#schedule.note(records, sent)
  }

  /** Whether a commit would keep nobody waiting: one that is under way, calls, or what comes of them, would. */
  get #isAtRest(): boolean {
    return !this.#committing && !this.#waitsForRoom && !this.#calls.isCalling
  }

  #behind(): number {
    let behind = 0
    for (const { position, endOffset } of this.queues) behind += Math.max(0, endOffset - position)
    return behind
  }

  #waitForProducers(): void {
    const untilMs = this.#inputs.waitsUntilMs
    if (untilMs === undefined || this.#stopped) return
    const { clock } = this.#options.context.settings
    this.#idleTimer = clock.scheduler.schedule(() => this.run(), Math.max(1, untilMs - clock.now()))
  }

  #bad(queue: InputQueue, record: BadRecord): void {
    const { context, deadLetters } = this.#options
    const letter = deadLetterOf(queue, record, context.settings.onDecodeError)
    this.#outbox.addLetter(letter)
    this.#touch()
    deadLetters.count(letter)
  }

  #putAway(failure: Failure): void {
    const { context, deadLetters } = this.#options
    const made = failedLetterOf(context, failure)
    this.#outbox.addLetterOnceMade(made)
    this.#touch()
    made.then((letter) => deadLetters.count(letter)).catch(() => undefined) // the outbox is told
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stop()
    this.#giveUp(error)
    this.#options.context.failed(error)
  }

  #giveUp(reason: unknown): void {
    this.#calls.close(reason)
    this.#outbox.abandon(reason)
  }
}
