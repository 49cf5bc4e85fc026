import {
  BehaviorSubject,
  interval,
  type Observable,
  type Observer,
  of,
  ReplaySubject,
  type Subscription,
  takeWhile,
} from 'rxjs'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { silentLogger } from '../logger.ts'
import type { PlainRecord } from '../records/chunk.ts'
import type { BatchPolicy, ExternalSourceNode } from '../stream/graph.ts'
import type { DeadLetter, SourceContext, SourceState } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'
import type { Topology } from '../stream/topology.ts'
import { TestDriver, type TestDriverOptions } from './test-driver.ts'

/** When a driven topology starts, and how its faults are met. */
export interface DriveOptions extends Omit<TestDriverOptions, 'answered'> {
  /** Default: RxJS's own time, which is virtual inside of `marbles` and of `TestScheduler.run`. */
  readonly clock?: Clock
  /** Until when the operators are told of wall-clock time each second; default: only with each emission. */
  readonly ticksUntilMs?: number
}

/** A topology that runs on its own sources. Its observables replay what was before, and complete with the sources. */
export interface Driven {
  /** The driver below: stores, drops, and what was written and not read. */
  readonly driver: TestDriver
  /** What is written to the topic, as its bytes are read. */
  topic<K, V>(topic: Topic<K, V>): Observable<PlainRecord<K, V>>
  /** The batches that a sink would be given, by the name of the step: the values of each one. */
  sink<V>(step: string): Observable<readonly V[]>
  /** What a source has said about itself. */
  readonly counters: ReadonlyMap<string, number>
  /** What the sources have said of their states, each with its name. */
  readonly states$: Observable<{ readonly source: string; readonly state: SourceState }>
  /** What the sources could not decode, each with its name. */
  readonly deadLetters$: Observable<DeadLetter & { readonly source: string }>
}

/**
 * Runs a topology from its sources to its sinks in this thread, without a broker: what a source emits is through all
 * topics and windows before `next` returns, and sinks are given batches as their policies say. Sources are subscribed
 * to in the next turn of the scheduler.
 *
 * @example
 * ```ts
 * marbles(({ hot, drive, expectObservable }) => {
 *   const lines = hot('a-b', { a: 'so', b: 'much' })
 *   const { topic: written } = drive(topology('copy', ({ source }) => source('lines', lines).to(copies)))
 *   expectObservable(written(copies).pipe(map(({ value }) => value))).toBe('a-b', { a: 'so', b: 'much' })
 * })
 * ```
 */
export function drive(topology: Topology, options: DriveOptions = {}): Driven {
  const running = new Drive(topology, options)
  const { driver, counters, states$, deadLetters$ } = running
  return {
    driver,
    counters,
    states$,
    deadLetters$,
    // What a topic holds is known by the topic; the driver knows it by name.
    topic: <K, V>({ name }: Topic<K, V>) => running.topic(name) as Observable<PlainRecord<K, V>>,
    // What a sink is given is known where the topology is written; here a step is known by name.
    sink: <V>(step: string) => running.sink(step) as Observable<readonly V[]>,
  }
}

class Drive {
  readonly driver: TestDriver
  readonly counters = new Map<string, number>()
  readonly states$ = new ReplaySubject<{ source: string; state: SourceState }>()
  readonly deadLetters$ = new ReplaySubject<DeadLetter & { source: string }>()
  readonly #clock: Clock
  readonly #startMs: number
  readonly #topics = new Map<string, ReplaySubject<PlainRecord<unknown, unknown>>>()
  readonly #batches = new Map<string, Batches>()
  #running: number
  #nowMs: number

  constructor(topology: Topology, { clock = systemClock, ticksUntilMs = 0, ...options }: DriveOptions) {
    this.#clock = clock
    this.#nowMs = options.nowMs ?? 0
    this.#startMs = this.#nowMs - clock.now()
    this.driver = new TestDriver(topology, {
      ...options,
      clock,
      answered: (error) => {
        this.#step(() => {
          if (error) throw error
        })
        this.#endIfDone()
      },
    })
    for (const node of topology.nodes)
      if (node.type === 'external-sink') this.#batches.set(node.name, new Batches(node.batch, clock))
    const sources = topology.nodes.filter((node) => node.type === 'external-source')
    this.#running = sources.length
    clock.scheduler.schedule(() => {
      for (const source of sources) this.#start(source)
      interval(1_000, clock.scheduler)
        .pipe(takeWhile((i) => (i + 1) * 1_000 <= ticksUntilMs))
        .subscribe(() => this.#step(() => {}))
    })
  }

  sink(step: string): Observable<readonly unknown[]> {
    const batches = this.#batches.get(step)
    if (batches) return batches.written$
    const known = [...this.#batches.keys()].map((name) => `"${name}"`).join(', ')
    throw new RivuletError('BAD_TOPOLOGY', `no sink is named "${step}"; there are ${known || 'none'}`, {
      place: { step },
    })
  }

  topic(name: string): ReplaySubject<PlainRecord<unknown, unknown>> {
    const known = this.#topics.get(name) ?? new ReplaySubject()
    this.#topics.set(name, known)
    return known
  }

  #start(node: ExternalSourceNode): void {
    const { name, source } = node
    // What is driven here is through all steps at once.
    const acknowledged = new BehaviorSubject(0)
    const emitted = typeof source === 'function' ? source(this.#context(name, acknowledged)) : source
    emitted.subscribe({
      next: (value) => {
        this.#step(() => this.driver.emit(name, value))
        acknowledged.next(acknowledged.value + 1)
      },
      error: (error) => this.#end((subject) => subject.error(error)),
      complete: () => {
        this.#running--
        this.#endIfDone()
      },
    })
  }

  /** What a step throws is the error of all that comes out. */
  #step(work: () => void): void {
    try {
      const nowMs = this.#startMs + this.#clock.now()
      if (nowMs > this.#nowMs) this.driver.advanceWallClock(nowMs - this.#nowMs)
      this.#nowMs = nowMs
      work()
    } catch (error) {
      this.#end((subject) => subject.error(error))
      return
    }
    for (const { topic, partition: _, ...record } of this.driver.readAll()) {
      const batches = this.#batches.get(topic)
      if (batches) batches.add(record.value)
      else this.topic(topic).next(record)
    }
  }

  #endIfDone(): void {
    if (this.#running === 0 && this.driver.waiting === 0) this.#end((subject) => subject.complete())
  }

  #end(how: (observer: Pick<Observer<never>, 'error' | 'complete'>) => void): void {
    for (const batches of this.#batches.values()) {
      batches.flush()
      how(batches.written$)
    }
    for (const written of this.#topics.values()) how(written)
    how(this.states$)
    how(this.deadLetters$)
  }

  #context(source: string, acknowledged: BehaviorSubject<number>): SourceContext {
    return {
      clock: this.#clock,
      logger: silentLogger,
      paused$: of(false),
      acknowledged$: acknowledged.asObservable(),
      // What is driven here has no past.
      position: undefined,
      tail: async function* () {},
      deadLetter: (letter) => {
        this.deadLetters$.next({ ...letter, source })
        acknowledged.next(acknowledged.value + 1)
      },
      setState: (state) => this.states$.next({ source, state }),
      rejected: () => {},
      accepted: () => {},
      gap: () => () => {},
      count: (counter, by = 1) => this.counters.set(counter, (this.counters.get(counter) ?? 0) + by),
      messageReceived: () => {},
    }
  }
}

/** Gathers rows as the runtime does for a sink. */
class Batches {
  readonly written$ = new ReplaySubject<readonly unknown[]>()
  readonly #policy: BatchPolicy
  readonly #clock: Clock
  #rows: unknown[] = []
  #timer: Subscription | undefined

  constructor(policy: BatchPolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  add(row: unknown): void {
    this.#rows.push(row)
    if (this.#rows.length >= this.#policy.rowsMax) this.flush()
    else this.#timer ??= this.#clock.scheduler.schedule(() => this.flush(), this.#policy.waitMsMax)
  }

  flush(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    if (this.#rows.length > 0) this.written$.next(this.#rows)
    this.#rows = []
  }
}
