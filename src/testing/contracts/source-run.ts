import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import { BehaviorSubject, defer, distinctUntilChanged, isObservable, type Subscription } from 'rxjs'
import type { Clock } from '../../clock.ts'
import { silentLogger } from '../../logger.ts'
import type { DeadLetter, Source, SourceContext, SourceState, TailRecord } from '../../stream/source.ts'

interface TapeOptions<T> {
  record(value: T): { readonly key: unknown; readonly value: unknown }
  position?(value: T): unknown
}

/** Where the emissions of one source are written, by their keys as in Kafka: what its `tail` finds. */
export class Tape<T> {
  readonly partitions: readonly T[][]
  /** Behind the last value that was written. */
  position: unknown
  readonly #of: TapeOptions<T>
  readonly #partitionOfKey = new Map<string, number>()
  #keyless = 0

  constructor(partitions: number, of: TapeOptions<T>) {
    this.partitions = Array.from({ length: partitions }, () => [])
    this.#of = of
  }

  /** All that is there, one partition after the other. */
  get values(): readonly T[] {
    return this.partitions.flat()
  }

  /** Writes the values, in order, that their partition acknowledges; the others never reach it. */
  write(values: readonly T[], isAcknowledged: (partition: number) => boolean = () => true): void {
    for (const value of values) {
      const partition = this.#partitionOf(value)
      if (isAcknowledged(partition)) this.partitions[partition]?.push(value)
      this.position = this.#of.position?.(value) ?? this.position
    }
  }

  /** Of this moment, as the runtime's: of each partition the newest first, the partitions in turns, in growing steps. */
  *tail(): Iterable<TailRecord<unknown, unknown>> {
    const partitions = this.partitions.length
    const left = this.partitions.map((values, partition) => ({ partition, values: values.slice() }))
    for (let step = 2; left.some(({ values }) => values.length > 0); step *= 4) {
      for (const { partition, values } of left) {
        let offset = values.length
        for (const value of values.splice(-step).reverse()) {
          offset--
          yield { ...this.#of.record(value), timestampMs: offset, offset, partition, partitions }
        }
      }
    }
  }

  /** One key's records are in one partition; the keys take turns, so that few of them are enough for all. */
  #partitionOf(value: T): number {
    const { key } = this.#of.record(value)
    if (key === null) return this.#keyless++ % this.partitions.length
    const text = inspect(key)
    const partition = this.#partitionOfKey.get(text) ?? this.#partitionOfKey.size % this.partitions.length
    this.#partitionOfKey.set(text, partition)
    return partition
  }
}

export interface SourceRunOptions<T> {
  readonly source: Source<T>
  readonly tape: Tape<T>
  readonly clock: Clock
  readonly waitMsMax: number
  /** Whether it is paused from the start. */
  readonly paused?: boolean
  /** Default: what it emits is written at once. */
  readonly writes?: boolean
  /** Whoever reads the topic's end waits for it. */
  readonly gate?: Promise<void>
}

/** A source from one start to its end, as the runtime has it. */
export class SourceRun<T> {
  readonly emitted: T[] = []
  readonly letters: DeadLetter[] = []
  /** All that it has said of itself. */
  readonly states: SourceState[] = []
  isCompleted = false
  failure: { readonly error: unknown } | undefined
  readonly #options: SourceRunOptions<T>
  readonly #paused: BehaviorSubject<boolean>
  readonly #acknowledged = new BehaviorSubject(0)
  #written = 0
  readonly #subscription: Subscription

  constructor(options: SourceRunOptions<T>) {
    const { source, writes = true, paused = false } = options
    this.#options = options
    this.#paused = new BehaviorSubject(paused)
    this.#subscription = defer(() => (isObservable(source) ? source : source(this.#context()))).subscribe({
      next: (value) => {
        this.emitted.push(value)
        if (writes) this.write(this.emitted.length)
      },
      error: (error) => {
        this.failure = { error }
      },
      complete: () => {
        this.isCompleted = true
      },
    })
  }

  /** So many of all emissions, from the first one on, are in the topic from now on, and the source is told so. */
  write(count: number): void {
    const { tape } = this.#options
    tape.write(this.emitted.slice(this.#written, count))
    this.#written = count
    this.#acknowledged.next(count + this.letters.length)
  }

  pause(paused: boolean): void {
    this.#paused.next(paused)
  }

  stop(): void {
    this.#subscription.unsubscribe()
  }

  /** Resolves when it holds; rejects, with all that has come, when it does not within the time. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const { clock, waitMsMax } = this.#options
    const untilMs = clock.now() + waitMsMax
    while (!holds()) {
      if (clock.now() >= untilMs) {
        const { emitted, letters, states, failure } = this
        const seen = inspect({ emitted, letters: letters.length, states, failure })
        throw new AssertionError({ message: `${what} within ${waitMsMax} ms: ${seen}` })
      }
      await clock.sleep(1)
    }
  }

  #context(): SourceContext {
    const { clock, tape, gate, writes = true } = this.#options
    return {
      clock,
      logger: silentLogger,
      paused$: this.#paused.pipe(distinctUntilChanged()),
      acknowledged$: this.#acknowledged.asObservable(),
      position: tape.position,
      async *tail<K, V>() {
        await gate
        // The records are what the contract's `record` makes, as the source's topic has them.
        yield* tape.tail() as Iterable<TailRecord<K, V>>
      },
      deadLetter: (letter) => {
        this.letters.push(letter)
        if (!writes) return
        tape.position = letter.position ?? tape.position
        this.write(this.emitted.length)
      },
      setState: (state) => this.states.push(state),
      rejected: () => {},
      accepted: () => {},
      gap: () => () => {},
      count: () => {},
      messageReceived: () => {},
    }
  }
}
