import {
  BehaviorSubject,
  defer,
  distinctUntilChanged,
  filter,
  firstValueFrom,
  map,
  type Subscription,
} from 'rxjs'
import { unlessAborted } from '../aborted.ts'
import { mayPass, messageOf, RivuletError } from '../errors.ts'
import { retryWithBackoff } from '../retry.ts'
import type { ExternalSourceNode } from '../stream/graph.ts'
import type { DeadLetter, Source, SourceContext, SourceState } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'
import { CommitPace } from './commit-pace.ts'
import { sourceLetterOf } from './dead-letter.ts'
import type { Failure } from './failed-record.ts'
import type { InstanceContext } from './instance-context.ts'
import { MessagePauses } from './message-pauses.ts'
import { Outbox } from './outbox.ts'
import { shownLetterOf } from './refused-letter.ts'
import { sourceChunk } from './source-chunk.ts'
import type { SourceProducer } from './source-producer.ts'
import { tailOf } from './source-tail.ts'
import type { Task } from './task.ts'

/** A part of a source that the other side refuses. */
export interface Rejection {
  readonly reason: string
  readonly sinceMs: number
}

export interface SourceTaskOptions {
  readonly node: ExternalSourceNode
  readonly task: Task
  /** Nobody else can commit for this source any more. */
  readonly producer: SourceProducer
  /** What was committed last. */
  readonly position: unknown
  readonly context: InstanceContext
}

/** Emissions that come at once go on as one chunk of at most so many records. */
const chunkRecordsMax = 1_000

/**
 * A source and the steps behind it, up to their topics. What it hands over, emissions and dead letters, is committed in
 * this order: one commit at a time, at once where the one before is long past; what comes meanwhile is the next one.
 */
export class SourceTask {
  readonly name: string
  readonly task: Task
  state: SourceState = 'connecting'
  lastMessageMs: number | undefined
  /** Why it waits, or what the other side refused. */
  problem: string | undefined
  readonly #options: SourceTaskOptions
  readonly #paused = new BehaviorSubject(false)
  readonly #outbox: Outbox
  readonly #pace: CommitPace
  readonly #abandoned = new AbortController()
  /** How much of what was handed over is in Kafka for good; completes with the task. */
  readonly #committed = new BehaviorSubject(0)
  /** By part. */
  readonly rejections = new Map<string, Rejection>()
  readonly #pauses: MessagePauses
  #gathered: unknown[] = []
  /** How much of what was handed over has gone through the steps: the rest is gathered. */
  #processed = 0
  #position: unknown
  /** It says itself how it is; of one that does not, what it emits says that it is well. */
  #tellsState = false
  #isFlushDue = false
  #isCommitting = false
  #subscription: Subscription | undefined
  /** It takes nothing more. */
  #isClosing = false
  #isOver = false

  constructor(options: SourceTaskOptions) {
    this.#options = options
    this.name = options.node.name
    this.task = options.task
    this.#position = options.position
    this.#pauses = new MessagePauses(options.context.settings.clock)
    this.#pace = new CommitPace(options.context.settings.clock)
    this.#outbox = new Outbox({
      context: options.context,
      producer: options.producer,
      task: options.task,
      roomMade: () => this.#regulate(),
      failed: (error) => this.#fail(error),
    })
    options.task.letters$.subscribe((failure) => this.#putAway(failure))
  }

  start(): void {
    const { node, context } = this.#options
    const { settings, logger } = context
    this.#subscription = defer(() => observableOf(node.source, this.#context()))
      .pipe(
        retryWithBackoff({
          clock: settings.clock,
          policy: node.retry,
          retryable: mayPass,
          onRetry: (error, attempt, waitMs) => {
            this.state = 'waiting'
            this.problem = messageOf(error)
            logger.warn(
              { source: node.name, attempt, waitMs: Math.round(waitMs) },
              `source failed: ${messageOf(error)}`,
            )
          },
        }),
      )
      .subscribe({
        next: (value) => this.#emit(value),
        error: (error) => this.#fail(sourceError(node.name, error)),
        complete: () => this.#complete().catch((error) => this.#fail(error)),
      })
  }

  /** Between two messages, while nothing was wrong; undefined: too few have come. */
  get longestPauseMs(): number | undefined {
    return this.#pauses.longestMs
  }

  /** Emissions and dead letters that are not in Kafka for good. */
  get uncommitted(): number {
    return this.#processed + this.#gathered.length - this.#committed.value
  }

  /**
   * Takes nothing more. The source is told how much is acknowledged before it is unsubscribed from. Resolves when all that
   * was taken is committed; rejects, and says how much is not, when it can't be.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#paused.next(true)
    this.#flush()
    try {
      await this.#settled()
      this.#end()
      await this.#options.producer.close()
    } catch (error) {
      const code = error instanceof RivuletError ? error.code : 'INTERNAL'
      const message = `${this.uncommitted} of what the source "${this.name}" has emitted is not in Kafka: ${messageOf(error)}`
      throw new RivuletError(code, message, { cause: error, place: { step: this.name } })
    }
  }

  /** Gives up what is not committed. */
  async abandon(
    reason: unknown = new RivuletError('INTERNAL', `source "${this.name}" is given up`),
  ): Promise<void> {
    if (this.#isOver) return
    this.#abandoned.abort(reason)
    this.#outbox.abandon(reason)
    this.#end()
    const { producer, context } = this.#options
    await producer.close().catch((error) => context.logger.debug(messageOf(error)))
  }

  #end(): void {
    this.#isClosing = true
    this.#isOver = true
    this.state = 'stopped'
    this.#subscription?.unsubscribe()
    this.#committed.complete()
  }

  async #complete(): Promise<void> {
    const { node, context } = this.#options
    this.#flush()
    this.state = 'stopped'
    await this.#settled()
    context.logger.info({ source: this.name }, `the source "${this.name}" has ended`)
    context.emit({ type: 'source-ended', source: this.name, stops: node.onComplete === 'stop' })
  }

  #emit(value: unknown): void {
    if (this.#isClosing) return
    this.#gathered.push(value)
    this.#regulate()
    const { uncommitted } = this
    const { clock, sourceRecordsMax } = this.#options.context.settings
    if (uncommitted > sourceRecordsMax) {
      const message = `the source "${this.name}" went on though it was asked to pause: ${uncommitted} records wait for Kafka. Let it wait while the paused$ of its context is true (docs/recipes.md, "A source that is faster than Kafka")`
      this.#fail(new RivuletError('BUFFER_FULL', message, { place: { step: this.name } }))
    } else if (this.#gathered.length >= chunkRecordsMax) this.#flush()
    else if (!this.#isFlushDue) {
      this.#isFlushDue = true
      clock.soon(() => this.#flush())
    }
  }

  /** Takes what was gathered through the steps, and sees to it that it is committed. */
  #flush(): void {
    this.#isFlushDue = false
    if (this.#isOver) return
    try {
      this.#process()
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#isCommitting || this.#processed === this.#committed.value) return
    this.#isCommitting = true
    this.#commitAll().catch((error) => this.#fail(error))
  }

  #process(): void {
    const values = this.#gathered
    if (values.length === 0) return
    this.#gathered = []
    if (!this.#tellsState && this.state !== 'live') {
      this.state = 'live'
      this.problem = undefined
    }
    this.#processed += values.length // also where a step throws: then none of them is ever committed
    const { node, context } = this.#options
    const begunMs = this.task.load.begin()
    this.task.process(node, sourceChunk(node, values, context.settings.clock.now()))
    for (const output of this.task.takeOutputs()) this.#outbox.add(output)
    this.task.load.end(begunMs)
    this.#moveTo(node.record.position?.(values.at(-1)))
  }

  async #commitAll(): Promise<void> {
    const {
      settings: { clock },
      emit,
    } = this.#options.context
    while (!this.#isOver && this.#processed > this.#committed.value) {
      const { waitMs } = this.#pace
      if (waitMs > 0 && !this.#isClosing) await clock.sleep(waitMs, this.#abandoned.signal)
      this.#pace.begin()
      this.#outbox.flush()
      while (!this.#outbox.isResolved) await this.#outbox.resolved()
      // From here to the first `await` nothing else runs: the position is that of the last of these records.
      this.#outbox.hold()
      const processed = this.#processed
      const sinceMs = clock.now()
      await this.#options.producer.commit(this.#position)
      if (this.#isOver) return
      this.#outbox.release()
      this.#committed.next(processed)
      emit({ type: 'source-committed', source: this.name, tookMs: clock.now() - sinceMs })
      this.#regulate()
    }
    this.#isCommitting = false
  }

  #moveTo(position: unknown): void {
    if (position !== undefined) this.#position = position
  }

  #regulate(): void {
    if (this.#isClosing) return
    const { uncommitted } = this
    const { sourceRecordsMax } = this.#options.context.settings
    const { isFull } = this.#outbox
    if (!this.#paused.value && (isFull || uncommitted >= sourceRecordsMax / 2)) this.#paused.next(true)
    else if (this.#paused.value && !isFull && uncommitted <= sourceRecordsMax / 4) this.#paused.next(false)
    this.task.load.holdBack(this.#paused.value)
  }

  #context(): SourceContext {
    const { settings, logger, statistics } = this.#options.context
    this.#flush()
    statistics.gaps.beginAnew(this.name)
    const before = this.#processed
    const emittedBefore = this.#settled()
    emittedBefore.catch(() => {}) // whoever reads is told, and the instance has been
    return {
      clock: settings.clock,
      logger,
      paused$: this.#paused.pipe(distinctUntilChanged()),
      acknowledged$: this.#committed.pipe(
        filter((count) => count >= before),
        map((count) => count - before),
      ),
      position: this.#position,
      tail: (topic) => this.#tail(topic, emittedBefore),
      deadLetter: (letter) => this.#deadLetter(letter),
      setState: (state) => {
        this.#tellsState = true
        if (state !== this.state) this.#pauses.interrupt()
        this.state = state
        if (state === 'live') this.problem = this.#rejection
      },
      rejected: (part, reason) => {
        if (this.rejections.get(part)?.reason === reason) return
        this.rejections.set(part, { reason, sinceMs: settings.clock.now() })
        this.problem = reason
        logger.warn({ source: this.name, part }, reason)
      },
      accepted: (part) => {
        if (this.rejections.delete(part) && this.state === 'live') this.problem = this.#rejection
      },
      gap: (gap) => statistics.gaps.note(this.name, gap),
      count: (counter, by = 1) => statistics.count(counter, by),
      messageReceived: () => {
        this.lastMessageMs = settings.clock.now()
        this.#pauses.received()
      },
    }
  }

  /** Of the part that was refused last. */
  get #rejection(): string | undefined {
    return [...this.rejections.values()].at(-1)?.reason
  }

  /** Resolves when all that was processed until now is committed, at once where it is; rejects with what ended the task. */
  async #settled(): Promise<void> {
    const processed = this.#processed
    const committed = firstValueFrom(this.#committed.pipe(filter((count) => count >= processed)))
    await unlessAborted(committed, this.#abandoned.signal)
  }

  /** A source that looks where it was finds all that it has emitted before it failed, or it would emit it again. */
  async *#tail<K, V>(topic: Topic<K, V>, emittedBefore: Promise<void>): ReturnType<typeof tailOf<K, V>> {
    const { context } = this.#options
    await emittedBefore
    yield* tailOf(context, { ...topic, name: context.layout.topicName(topic.name) })
  }

  #deadLetter(letter: DeadLetter): void {
    if (this.#isClosing) return
    const { node, context } = this.#options
    const { settings, layout, statistics } = context
    this.#flush() // what was emitted before it is before it
    statistics.count('dead_letters')
    if (node.deadLetters) {
      const topic = layout.topicName(node.deadLetters.name)
      const timestampMs = settings.clock.now()
      this.#outbox.addLetter(sourceLetterOf(letter, { step: node.name, topic, timestampMs }))
    }
    this.#processed++
    this.#moveTo(letter.position)
    this.#flush()
    this.#regulate()
  }

  /** A record at which a step failed: what the source has emitted lies in no topic, so it is written as text. */
  #putAway(failure: Failure): void {
    const { node, context } = this.#options
    const { layout, statistics } = context
    statistics.count('dead_letters')
    if (!node.deadLetters) return
    const topic = layout.topicName(node.deadLetters.name)
    this.#outbox.addLetter({ ...shownLetterOf(failure), topic })
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    void this.abandon(error)
    this.#options.context.failed(error)
  }
}

/** What has failed for good, with the step. */
function sourceError(step: string, error: unknown): RivuletError {
  const [code, place] =
    error instanceof RivuletError ? [error.code, error.place] : (['SOURCE_FAILED', {}] as const)
  const message = `the source "${step}" has failed: ${messageOf(error)}`
  return new RivuletError(code, message, { cause: error, place: { ...place, step } })
}

function observableOf(source: Source<unknown>, context: SourceContext) {
  return typeof source === 'function' ? source(context) : source
}
