import { BehaviorSubject, defer, distinctUntilChanged, type Subscription } from 'rxjs'
import { isRetryable, messageOf, RivuletError } from '../errors.ts'
import { retryWithBackoff } from '../retry.ts'
import type { ExternalSourceNode } from '../stream/graph.ts'
import type { DeadLetter, Source, SourceContext, SourceState } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'
import { sourceLetterOf } from './dead-letter.ts'
import type { InstanceContext } from './instance-context.ts'
import { Outbox } from './outbox.ts'
import { sourceChunk } from './source-chunk.ts'
import { tailOf } from './source-tail.ts'
import type { Task } from './task.ts'

export interface SourceTaskOptions {
  readonly node: ExternalSourceNode
  readonly task: Task
  readonly context: InstanceContext
}

const retryPolicy = { initialMs: 500, waitMsMax: 30_000 }
/** Emissions that come at once go on as one chunk of at most so many records. */
const chunkRecordsMax = 1_000

/** A source and the steps behind it, up to their topics. What it emits is in Kafka when it was acknowledged. */
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
  readonly #rejections = new Map<string, string>()
  #gathered: unknown[] = []
  #flushTimer: Subscription | undefined
  #subscription: Subscription | undefined
  #stopped = false

  constructor(options: SourceTaskOptions) {
    this.#options = options
    this.name = options.node.name
    this.task = options.task
    this.#outbox = new Outbox({
      context: options.context,
      producer: options.context.producer,
      roomMade: () => this.#regulate(),
      failed: (error) => this.#fail(error),
    })
  }

  start(): void {
    const { node, context } = this.#options
    const { settings, logger } = context
    this.#subscription = defer(() => observableOf(node.source, this.#context()))
      .pipe(
        retryWithBackoff({
          clock: settings.clock,
          policy: retryPolicy,
          retryable: isRetryable,
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
        error: (error) => this.#fail(error),
        complete: () => {
          this.#flush()
          this.state = 'stopped'
        },
      })
  }

  /** Records on their way to Kafka that may not be there yet. */
  get unacknowledged(): number {
    return this.#outbox.records
  }

  /** Takes nothing more; resolves when what was taken is in Kafka, rejects when it can't be. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe()
    this.#flush()
    this.#stopped = true
    this.state = 'stopped'
    await this.#outbox.settled()
  }

  /** Gives up what is not in Kafka. */
  abandon(reason: unknown = new RivuletError('INTERNAL', `source "${this.name}" is given up`)): void {
    this.#stopped = true
    this.state = 'stopped'
    this.#flushTimer?.unsubscribe()
    this.#subscription?.unsubscribe()
    this.#outbox.abandon(reason)
  }

  #emit(value: unknown): void {
    if (this.#stopped) return
    this.#gathered.push(value)
    this.#regulate()
    const waiting = this.#gathered.length + this.#outbox.records
    if (waiting > this.#options.context.settings.sourceRecordsMax) {
      const message = `the source "${this.name}" went on though it was asked to pause: ${waiting} records wait for Kafka. Let it wait while the paused$ of its context is true (docs/recipes.md, "A source that is faster than Kafka")`
      this.#fail(new RivuletError('BUFFER_FULL', message, { place: { step: this.name } }))
    } else if (this.#gathered.length >= chunkRecordsMax) this.#flush()
    else this.#flushTimer ??= this.#options.context.settings.clock.scheduler.schedule(() => this.#flush())
  }

  #flush(): void {
    this.#flushTimer?.unsubscribe()
    this.#flushTimer = undefined
    const values = this.#gathered
    if (values.length === 0 || this.#stopped) return
    this.#gathered = []
    try {
      const { node, context } = this.#options
      this.task.process(node, sourceChunk(node, values, context.settings.clock.now()))
      for (const output of this.task.takeOutputs()) this.#outbox.add(output)
      this.#outbox.flush()
    } catch (error) {
      this.#fail(error)
    }
  }

  #regulate(): void {
    const waiting = this.#gathered.length + this.#outbox.records
    const { sourceRecordsMax } = this.#options.context.settings
    const { isFull } = this.#outbox
    if (!this.#paused.value && (isFull || waiting >= sourceRecordsMax / 2)) this.#paused.next(true)
    else if (this.#paused.value && !isFull && waiting <= sourceRecordsMax / 4) this.#paused.next(false)
  }

  #context(): SourceContext {
    const { settings, logger, statistics } = this.#options.context
    const emittedBefore = this.#emittedBefore()
    return {
      clock: settings.clock,
      logger,
      paused$: this.#paused.pipe(distinctUntilChanged()),
      tail: (topic) => this.#tail(topic, emittedBefore),
      deadLetter: (letter) => this.#deadLetter(letter),
      setState: (state) => {
        this.state = state
        if (state === 'live') this.problem = [...this.#rejections.values()].at(-1)
      },
      rejected: (part, reason) => {
        if (this.#rejections.get(part) === reason) return
        this.#rejections.set(part, reason)
        this.problem = reason
        logger.warn({ source: this.name, part }, reason)
      },
      count: (counter, by = 1) => statistics.count(counter, by),
      messageReceived: () => {
        this.lastMessageMs = settings.clock.now()
      },
    }
  }

  /** Resolves when Kafka has what the source has emitted until now, as after a failure: at once when it begins. */
  #emittedBefore(): Promise<void> {
    this.#flush()
    const settled = this.#outbox.settled()
    settled.catch(() => {}) // whoever reads is told, and the instance has been
    return settled
  }

  /** A source that looks where it was finds all that it has emitted before it failed, or it would emit it again. */
  async *#tail<K, V>(topic: Topic<K, V>, emittedBefore: Promise<void>): ReturnType<typeof tailOf<K, V>> {
    await emittedBefore
    yield* tailOf(this.#options.context, topic)
  }

  #deadLetter(letter: DeadLetter): void {
    const { node, context } = this.#options
    const { settings, layout, statistics } = context
    statistics.count('dead_letters')
    if (!node.deadLetters) return
    const topic = layout.topicName(node.deadLetters.name)
    this.#outbox.addLetter(
      sourceLetterOf(letter, { step: node.name, topic, timestampMs: settings.clock.now() }),
    )
    this.#outbox.flush()
    this.#regulate()
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.abandon(error)
    this.#options.context.failed(error)
  }
}

function observableOf(source: Source<unknown>, context: SourceContext) {
  return typeof source === 'function' ? source(context) : source
}
