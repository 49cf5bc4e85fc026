import { NEVER, Observable, type OperatorFunction, Subscriber } from 'rxjs'
import { messageOf, RivuletError } from '../errors.ts'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'

/** Why an operator left a record out. */
export type DropReason =
  | 'late'
  | 'null-key'
  | 'null-value'
  | 'null-foreign-key'
  | 'negative-timestamp'
  | 'out-of-order'
  | 'callback-failed'
  | 'production-failed'
  | 'no-window'

/** A record that an operator left out, as the value of the record that `dropped$` and `late$` emit for it. */
export interface Dropped<V> {
  /** Why it was left out. */
  readonly reason: DropReason
  /** The record's own value. */
  readonly value: V
  /** For a late record: the window that it missed. */
  readonly window?: {
    /** Ms since the epoch. */
    readonly startMs: number
    /** Ms since the epoch. */
    readonly endMs: number
  }
  /** For a late record: how far the operator's stream time had come. */
  readonly streamTimeMs?: number
}

/** How far event time has come at one operator; kept with the task's offsets, so that a restart does not turn it back. */
export interface StreamTime {
  /** Ms since the epoch; −Infinity before the first record. */
  ms: number
}

/** What a task gives to each of its operators; `standalone()` gives the same to an operator outside of one. */
export interface OperatorContext {
  /** The step's name, for errors. */
  readonly step: string
  /** Wall-clock time, ms since the epoch. */
  now(): number
  /** The task's instance of the store. */
  store<S extends StateStore>(spec: StoreSpec<S>): S
  /** How far event time has come at this step: the operator moves it itself. */
  readonly streamTime: StreamTime
  /** Another time of the operator's own, kept as its stream time is: when it last emitted, or how far one input is. */
  keptTime(name: string): StreamTime
  /** Counts a record that is left out, and offers it as side output. */
  drop(
    chunk: Chunk<unknown, unknown>,
    i: number,
    reason: DropReason,
    details?: Pick<Dropped<unknown>, 'window' | 'streamTimeMs'>,
  ): void
  /** Emits on another output of the node than its main one: a branch. */
  emitTo(port: string, chunk: Chunk<unknown, unknown>): void
  /**
   * A user's callback threw: throws a `CALLBACK_FAILED` with step, topic, partition and offset, unless the handler
   * says that the record is to be left out.
   */
  callbackFailed(error: unknown, chunk: Chunk<unknown, unknown>, i: number): void
  /** Least wall-clock time between two looks for closed windows or unmatched join records, ms. */
  readonly emitIntervalMs: number
  /** Chunks of one record each that is no record to any callback: it only says how far event time has come. */
  readonly heartbeats$: Observable<Chunk<unknown, unknown>>
  /** Wall-clock time whenever the task is told that it has moved; for what must happen without a record. */
  readonly ticks$: Observable<number>
}

/**
 * Makes an RxJS operator of a synchronous step, a new one for each subscription, so that state is never shared.
 * Chunks in which nothing is left are not passed on.
 *
 * @example
 * ```ts
 * const upperCase = (context = standalone()) =>
 *   chunkOperator(() => (chunk: Chunk<string, string>) => {
 *     const out = new ChunkBuilder<string, string>(chunk)
 *     eachRecord(context, chunk, (i, key, value) => out.push(i, key, value.toUpperCase()))
 *     return out.build()
 *   })
 * ```
 */
export function chunkOperator<I, O extends Chunk<unknown, unknown>>(
  makeStep: () => (chunk: I) => O,
): OperatorFunction<I, O> {
  return (source) =>
    new Observable((subscriber) => source.subscribe(new StepSubscriber(subscriber, makeStep())))
}

/**
 * Passes on what a step makes, if there is anything, in one hop: where inputs are joined, nearly all chunks are of one record.
 * It ends with who listens, also in the middle of a source that emits as it is subscribed to.
 */
class StepSubscriber<I, O extends Chunk<unknown, unknown>> extends Subscriber<I> {
  readonly #out: Subscriber<O>
  readonly #step: (chunk: I) => O

  constructor(out: Subscriber<O>, step: (chunk: I) => O) {
    super(out)
    this.#out = out
    this.#step = step
  }

  protected override _next(chunk: I): void {
    let made: O
    try {
      made = this.#step(chunk)
    } catch (error) {
      this.error(error)
      return
    }
    if (made.keys.length > 0) this.#out.next(made)
  }
}

/** The end of the heartbeats is not that of the records. */
class HeartbeatSubscriber<O extends Chunk<unknown, unknown>> extends StepSubscriber<
  Chunk<unknown, unknown>,
  O
> {
  protected override _complete(): void {
    this.unsubscribe()
  }
}

/** What an operator that keeps event time does: with records, and when a heartbeat says how far time has come. */
export interface TimedStep<I, O> {
  /** What comes of a chunk of records. */
  take(chunk: I): O
  /** `heartbeat` is a chunk of one record: what the heartbeat closes comes from there. */
  advance(heartbeat: Chunk<unknown, unknown>): O
}

/** As `chunkOperator`, for a step that keeps event time: its heartbeats go through the step, too. */
export function timedOperator<I, O extends Chunk<unknown, unknown>>(
  { heartbeats$ }: OperatorContext,
  makeStep: () => TimedStep<I, O>,
): OperatorFunction<I, O> {
  return (source) =>
    new Observable((subscriber) => {
      const step = makeStep()
      heartbeats$.subscribe(new HeartbeatSubscriber(subscriber, (heartbeat) => step.advance(heartbeat)))
      return source.subscribe(new StepSubscriber(subscriber, (chunk: I) => step.take(chunk)))
    })
}

/**
 * Visits each record of a chunk in order: its number there, key, value, and event time in ms. What a visit throws is the
 * user's callback's, and goes to `context.callbackFailed` with its place; if that returns, the next record follows.
 */
export function eachRecord<K, V>(
  context: OperatorContext,
  chunk: Chunk<K, V>,
  visit: (i: number, key: K, value: V, timestampMs: number) => void,
): void {
  const { keys, values, timestampsMs } = chunk
  const length = keys.length
  let i = 0
  while (i < length) {
    try {
      for (; i < length; i++) visit(i, keys[i] as K, values[i] as V, timestampsMs[i] as number)
    } catch (error) {
      context.callbackFailed(error, chunk, i)
      i++
    }
  }
}

/** As `eachRecord`, for updates of a table, with the value that each one replaces. */
export function eachUpdate<K, V>(
  context: OperatorContext,
  chunk: TableChunk<K, V>,
  visit: (i: number, key: K, value: V | null, oldValue: V | null, timestampMs: number) => void,
): void {
  const { oldValues } = chunk
  eachRecord(context, chunk, (i, key, value, timestampMs) =>
    visit(i, key, value, oldValues[i] ?? null, timestampMs),
  )
}

/** The error of a callback that threw, with the place of the record on which it did. */
export function callbackError(
  step: string,
  error: unknown,
  chunk: Chunk<unknown, unknown>,
  i: number,
): RivuletError {
  // An operator behind this one has already said where it was; a full buffer is no fault of a callback.
  if (error instanceof RivuletError && error.place.step !== undefined) return error
  const { topic, partition } = chunk
  const offset = chunk.offsets[i] ?? -1
  if (error instanceof RivuletError) {
    return new RivuletError(error.code, error.message, {
      cause: error,
      retryable: error.retryable,
      place: { ...error.place, step, topic, partition, offset },
    })
  }
  const message = `step "${step}" threw at ${topic}/${partition} offset ${offset}: ${messageOf(error)}`
  return new RivuletError('CALLBACK_FAILED', message, {
    cause: error,
    place: { step, topic, partition, offset },
  })
}

/**
 * For operators used outside of a topology: stores of its own, nothing counted or emitted on other outputs, no
 * heartbeats, and a wall clock that stands at 0, unless `overrides` has them. One context is one task: whatever is given
 * the same one, or is subscribed to twice, shares its stores and its stream time.
 *
 * @example
 * ```ts
 * const context = standalone({ drop: (chunk, i, reason) => console.log(chunk.offsets[i], reason) })
 * clicks$.pipe(aggregate({ aggregation: counting, store }, context))
 * ```
 */
export function standalone(overrides: Partial<OperatorContext> = {}): OperatorContext {
  const stores = new Map<StoreSpec, StateStore>()
  const times = new Map<string, StreamTime>()
  const step = overrides.step ?? 'operator'
  return {
    step,
    now: () => 0,
    store<S extends StateStore>(spec: StoreSpec<S>): S {
      const store = (stores.get(spec) as S | undefined) ?? spec.create()
      stores.set(spec, store)
      return store
    },
    streamTime: { ms: Number.NEGATIVE_INFINITY },
    keptTime(name) {
      const time = times.get(name) ?? { ms: Number.NEGATIVE_INFINITY }
      times.set(name, time)
      return time
    },
    drop: () => {},
    emitTo: () => {},
    callbackFailed: (error, chunk, i) => {
      throw callbackError(step, error, chunk, i)
    },
    emitIntervalMs: 0,
    heartbeats$: NEVER,
    ticks$: NEVER,
    ...overrides,
  }
}
