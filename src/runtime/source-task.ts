import { BehaviorSubject, defer, distinctUntilChanged, type Subscription } from 'rxjs'
import { isRetryable, messageOf, RivuletError } from '../errors.ts'
import { retryWithBackoff } from '../retry.ts'
import type { ExternalSourceNode } from '../stream/graph.ts'
import type { DeadLetter, Source, SourceContext, SourceState } from '../stream/source.ts'
import type { InstanceContext } from './instance-context.ts'
import { Outgoing } from './outgoing.ts'
import { sourceChunk } from './source-chunk.ts'
import { tailOf } from './source-tail.ts'
import type { Task } from './task.ts'

export interface SourceTaskOptions {
  readonly node: ExternalSourceNode
  readonly task: Task
  readonly context: InstanceContext
}

const RETRY = { initialMs: 500, waitMsMax: 30_000 }
/** Emissions that come at once go on as one chunk of at most so many records. */
const CHUNK_RECORDS_MAX = 1_000

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
  readonly #outgoing: Outgoing
  readonly #rejections = new Map<string, string>()
  #gathered: unknown[] = []
  #flushTimer: Subscription | undefined
  #unacknowledged = 0
  readonly #pending = new Set<Promise<void>>()
  #subscription: Subscription | undefined
  #stopped = false

  constructor(options: SourceTaskOptions) {
    this.#options = options
    this.name = options.node.name
    this.task = options.task
    this.#outgoing = new Outgoing(options.context.layout)
  }

  start(): void {
    const { node, context } = this.#options
    const { settings, logger } = context
    this.#subscription = defer(() => observableOf(node.source, this.#context()))
      .pipe(
        retryWithBackoff({
          clock: settings.clock,
          policy: RETRY,
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

  /** Records that were sent to Kafka and may not be there yet. */
  get unacknowledged(): number {
    return this.#unacknowledged
  }

  /** Takes nothing more; resolves when what was taken is in Kafka. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe()
    this.#flush()
    this.#stopped = true
    this.state = 'stopped'
    await Promise.all(this.#pending)
  }

  abandon(): void {
    this.#stopped = true
    this.state = 'stopped'
    this.#flushTimer?.unsubscribe()
    this.#subscription?.unsubscribe()
  }

  #emit(value: unknown): void {
    if (this.#stopped) return
    this.#gathered.push(value)
    this.#regulate()
    const waiting = this.#gathered.length + this.#unacknowledged
    if (waiting > this.#options.context.settings.sourceRecordsMax) {
      const message = `the source "${this.name}" went on though it was asked to pause: ${waiting} records wait for Kafka. Let it wait while the paused$ of its context is true (docs/recipes.md, "A source that is faster than Kafka")`
      this.#fail(new RivuletError('BUFFER_FULL', message, { place: { step: this.name } }))
    } else if (this.#gathered.length >= CHUNK_RECORDS_MAX) this.#flush()
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
      for (const output of this.task.takeOutputs()) this.#outgoing.add(output)
      this.#send()
    } catch (error) {
      this.#fail(error)
    }
  }

  #send(): void {
    if (!this.#outgoing.isUnresolved) {
      this.#sendOutgoing()
      return
    }
    const { admin } = this.#options.context.settings.kafka
    this.#track(
      0,
      this.#outgoing.resolve(admin).then(() => this.#sendOutgoing()),
    )
  }

  #sendOutgoing(): void {
    for (const { topic, partition, records } of this.#outgoing.take()) {
      this.#track(records.timestampsMs.length, this.#options.context.producer.send(topic, partition, records))
    }
  }

  #track(records: number, work: Promise<unknown>): void {
    this.#unacknowledged += records
    const done = work.then(
      () => {
        this.#unacknowledged -= records
        this.#pending.delete(done)
        this.#regulate()
      },
      (error) => {
        this.#pending.delete(done)
        this.#fail(error)
      },
    )
    this.#pending.add(done)
  }

  #regulate(): void {
    const waiting = this.#gathered.length + this.#unacknowledged
    const { sourceRecordsMax } = this.#options.context.settings
    if (!this.#paused.value && waiting >= sourceRecordsMax / 2) this.#paused.next(true)
    else if (this.#paused.value && waiting <= sourceRecordsMax / 4) this.#paused.next(false)
  }

  #context(): SourceContext {
    const { settings, logger, statistics } = this.#options.context
    return {
      clock: settings.clock,
      logger,
      paused$: this.#paused.pipe(distinctUntilChanged()),
      tail: (topic) => tailOf(this.#options.context, topic),
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

  #deadLetter({ bytes, reason, place }: DeadLetter): void {
    const { node, context } = this.#options
    const { settings, layout, statistics } = context
    statistics.count('dead_letters')
    if (!node.deadLetters) return
    const headers = Object.fromEntries(
      Object.entries({ ...place, step: node.name, reason }).map(([name, text]) => [name, Buffer.from(text)]),
    )
    const topic = layout.topicName(node.deadLetters.name)
    this.#outgoing.addRecord(topic, 0, null, bytes, settings.clock.now(), headers)
    this.#send()
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.abandon()
    this.#options.context.failed(error)
  }
}

function observableOf(source: Source<unknown>, context: SourceContext) {
  return typeof source === 'function' ? source(context) : source
}
