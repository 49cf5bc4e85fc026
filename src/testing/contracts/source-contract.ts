import { type Clock, systemClock } from '../../clock.ts'
import { isRetryable, RivuletError } from '../../errors.ts'
import type { Source } from '../../stream/source.ts'
import { type ContractCheck, expectSame } from './contract-check.ts'
import { SourceRun, type SourceRunOptions, Tape } from './source-run.ts'

/** A source, and the other side that it hears: yours to play, such as a server on this machine. */
export interface SourceUnderTest<T> {
  /** What is held to the contract. */
  readonly source: Source<T>
  /** Lets the other side send so many messages more, numbered from 0 on, and keep them for whoever asks again. */
  send(count: number): void | Promise<void>
  /** Lets it send one that can't be decoded. */
  sendUndecodable?(): void | Promise<void>
  /** Breaks the connection, not the other side. */
  breakConnection?(): void | Promise<void>
  /** How many connections are open; absent: nobody knows. */
  connections?(): number
  /** Which messages it was told to forget, in this order; absent: it is told nothing. */
  acknowledged?(): readonly number[]
  /** When the check is over. */
  close?(): Promise<void>
}

/** How a check comes by a source, and what it may expect of it. */
export interface SourceContractOptions<T> {
  /** A source that has never run, and its other side, anew for each check. */
  open(): SourceUnderTest<T> | Promise<SourceUnderTest<T>>
  /** Which message an emission was made of. */
  numberOf(value: T): number
  /** The emission as it stands in the source's topic: what `tail` finds. Its key decides where, as in Kafka. */
  record(value: T): { readonly key: unknown; readonly value: unknown }
  /**
   * How many partitions its topic has; default 3. Then the messages must be of several keys, or of none; 1 says that
   * the source feeds topics of one partition only.
   */
  readonly partitions?: number
  /** As `SourceOptions.position`, where the source goes on at its position instead of at the end of its topic. */
  position?(value: T): unknown
  /** Whether the source acknowledges to the other side, which then forgets: `acknowledged` says what. Default: it does not. */
  readonly acknowledges?: boolean
  /** What there is not with this source: messages that can't be decoded, or a connection. Default: both are checked. */
  readonly without?: readonly ('undecodable' | 'connection')[]
  /** How many emissions may still come after a pause, such as those of messages that were received already; default 0. */
  readonly afterPauseMax?: number
  /** How long what should come is waited for; default 5,000. */
  readonly waitMsMax?: number
  /** How long nothing comes until that is believed; default 50. */
  readonly quietMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/**
 * What a source that resumes, pauses and reports promises, by the sentences of `SourceContext`. Its observable is run as
 * the runtime runs it: started anew after a failure that may pass, with the records of its topic at hand.
 *
 * @example
 * ```ts
 * const checks = sourceContract({
 *   open: () => new FakeServer(),
 *   numberOf: ({ id }) => id,
 *   record: (message) => ({ key: message.device, value: message }),
 * })
 * for (const { name, run } of checks) test(name, run)
 * ```
 */
export function sourceContract<T>(options: SourceContractOptions<T>): ContractCheck[] {
  const { without = [] } = options
  return sentences(options)
    .filter(({ about }) => about === undefined || !without.includes(about))
    .map(({ name, check }) => ({
      name,
      async run() {
        const trial = new SourceTrial(options, await options.open())
        try {
          await check(trial)
        } finally {
          await trial.close()
        }
      },
    }))
}

interface Sentence<T> {
  readonly name: string
  readonly about?: 'undecodable' | 'connection'
  readonly check: (trial: SourceTrial<T>) => Promise<void>
}

class SourceTrial<T> {
  readonly under: SourceUnderTest<T>
  readonly tape: Tape<T>
  readonly afterPauseMax: number
  readonly #options: SourceContractOptions<T>
  readonly #runs: SourceRun<T>[] = []

  constructor(options: SourceContractOptions<T>, under: SourceUnderTest<T>) {
    this.#options = options
    this.under = under
    this.afterPauseMax = options.afterPauseMax ?? 0
    this.tape = new Tape(options.partitions ?? 3, options)
  }

  start(options: Pick<SourceRunOptions<T>, 'paused' | 'writes' | 'gate'> = {}): SourceRun<T> {
    const { clock = systemClock, waitMsMax = 5_000 } = this.#options
    const run = new SourceRun({ ...options, source: this.under.source, tape: this.tape, clock, waitMsMax })
    this.#runs.push(run)
    return run
  }

  /** Resolves when so many have come that something more would have, too. */
  quiet(): Promise<void> {
    const { clock = systemClock, quietMs = 50 } = this.#options
    return clock.sleep(quietMs)
  }

  /** Waits for as many as there should be, and for none more. */
  async expectEmitted(run: SourceRun<T>, numbers: readonly number[]): Promise<void> {
    await run.until(`${numbers.length} are emitted`, () => run.emitted.length >= numbers.length)
    await this.quiet()
    expectSame('what is emitted', this.numbers(run.emitted), numbers)
  }

  numbers(values: readonly T[]): number[] {
    return values.map((value) => this.#options.numberOf(value))
  }

  async close(): Promise<void> {
    for (const run of this.#runs) run.stop()
    await this.under.close?.()
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** Where it was is one place, committed at once with all that lies before it. */
function hasOnePlace<T>({ partitions, position, acknowledges }: SourceContractOptions<T>): boolean {
  return partitions === 1 || position !== undefined || acknowledges === true
}

function sentences<T>(options: SourceContractOptions<T>): Sentence<T>[] {
  return [
    { name: 'emits each message once, in order', check: emitsInOrder },
    { name: 'waits while it is paused, and loses nothing', check: obeysPauses },
    { name: 'goes on where it was after a restart', check: goesOn },
    { name: 'emits again what it has emitted and its topic does not have', check: goesOnBehindTheTopic },
    hasOnePlace(options)
      ? { name: 'goes on at one place, which no partition can be behind', check: async () => {} }
      : {
          name: 'loses and doubles nothing when its partitions were acknowledged unevenly',
          check: goesOnBehindUnevenPartitions,
        },
    ...(options.acknowledges
      ? [{ name: 'acknowledges what is in its topic, and nothing else', check: acknowledgesWhatIsThere<T> }]
      : []),
    {
      name: 'hands over what it can not decode, once, and goes on',
      about: 'undecodable',
      check: handsOverDeadLetters,
    },
    { name: 'stops at once when it is stopped', check: stopsAtOnce },
    { name: 'stops also while it looks where it was', check: stopsEarly },
    {
      name: 'says that its connection broke, and loses nothing',
      about: 'connection',
      check: survivesBreaks,
    },
  ]
}

/** Rejects where the other side can't do it: a check that says nothing would look like one that holds. */
async function needed(
  about: 'undecodable' | 'connection',
  action: (() => void | Promise<void>) | undefined,
): Promise<void> {
  if (!action) {
    const message = `the other side can't do this: give it what it needs, or say \`without: ['${about}']\``
    throw new RivuletError('BAD_REQUEST', message)
  }
  await action()
}

async function emitsInOrder<T>(trial: SourceTrial<T>): Promise<void> {
  const run = trial.start()
  await trial.under.send(3)
  await trial.under.send(2)
  await trial.expectEmitted(run, range(0, 5))
  expectSame('that it is completed, though there may be more', run.isCompleted, false)
}

async function obeysPauses<T>(trial: SourceTrial<T>): Promise<void> {
  const { under, afterPauseMax } = trial
  const run = trial.start({ paused: true })
  await under.send(10)
  await trial.quiet()
  expectSame('emitted, paused from the start', trial.numbers(run.emitted.slice(afterPauseMax)), [])
  run.pause(false)
  await trial.expectEmitted(run, range(0, 10))
  run.pause(true)
  await under.send(10)
  await trial.quiet()
  expectSame('emitted while paused', trial.numbers(run.emitted.slice(10 + afterPauseMax)), [])
  run.pause(false)
  await trial.expectEmitted(run, range(0, 20))
}

async function goesOn<T>(trial: SourceTrial<T>): Promise<void> {
  const before = trial.start()
  await trial.under.send(5)
  await trial.expectEmitted(before, range(0, 5))
  before.stop()
  await trial.under.send(3)
  const run = trial.start()
  await trial.expectEmitted(run, range(5, 8))
  await trial.under.send(2)
  await trial.expectEmitted(run, range(5, 10))
}

/** As after a crash: Kafka never acknowledged the rest. */
async function goesOnBehindTheTopic<T>(trial: SourceTrial<T>): Promise<void> {
  const before = trial.start({ writes: false })
  await trial.under.send(5)
  await trial.expectEmitted(before, range(0, 5))
  before.write(3)
  before.stop()
  await trial.expectEmitted(trial.start(), range(3, 5))
}

async function acknowledgesWhatIsThere<T>(trial: SourceTrial<T>): Promise<void> {
  const { under } = trial
  const acknowledged = () => under.acknowledged?.() ?? []
  const run = trial.start({ writes: false })
  await under.send(5)
  await trial.expectEmitted(run, range(0, 5))
  expectSame('acknowledged before anything is in its topic', acknowledged(), [])
  run.write(2)
  await run.until('2 are acknowledged', () => acknowledged().length >= 2)
  await trial.quiet()
  expectSame('acknowledged when 2 are in its topic', acknowledged(), range(0, 2))
}

/** As after a crash: each partition has acknowledged a part of its own, and one after the other is the one behind. */
async function goesOnBehindUnevenPartitions<T>(trial: SourceTrial<T>): Promise<void> {
  const { tape, under } = trial
  const sentAtOnce = 4 * tape.partitions.length
  for (const behind of tape.partitions.keys()) {
    const before = trial.start({ writes: false })
    await under.send(sentAtOnce)
    await before.until(`${sentAtOnce} are emitted`, () => before.emitted.length >= sentAtOnce)
    before.stop()
    // Nothing of the first partition is there yet; then each has something, and is behind all the same.
    let acknowledged = 0
    tape.write(before.emitted, (partition) => partition !== behind || acknowledged++ < behind)
    const sent = (behind + 1) * sentAtOnce
    const run = trial.start()
    await run.until(`${sent} are in the topic`, () => tape.values.length >= sent)
    await trial.quiet()
    run.stop()
    const numbers = trial.numbers(tape.values).toSorted((a, b) => a - b)
    expectSame('what is in its topic', numbers, range(0, sent))
  }
  const used = tape.partitions.filter((values) => values.length > 0).length
  expectSame('that its messages were of several keys (or say `partitions: 1`)', used > 1, true)
}

async function handsOverDeadLetters<T>(trial: SourceTrial<T>): Promise<void> {
  const { under } = trial
  const run = trial.start()
  await under.send(2)
  await needed('undecodable', under.sendUndecodable?.bind(under))
  await under.send(2)
  await run.until('4 are emitted', () => run.emitted.length >= 4)
  await run.until('a dead letter comes', () => run.letters.length > 0)
  await trial.quiet()
  expectSame('dead letters', run.letters.length, 1)
  const [letter] = run.letters
  expectSame('that the dead letter has bytes', Buffer.isBuffer(letter?.bytes), true)
  expectSame('that the dead letter has a reason', letter?.reason !== '', true)
  expectSame('emitted', run.emitted.length, 4)
}

async function stopsAtOnce<T>(trial: SourceTrial<T>): Promise<void> {
  const run = trial.start()
  await trial.under.send(2)
  await trial.expectEmitted(run, range(0, 2))
  run.stop()
  await trial.under.send(2)
  await expectStopped(trial, run, 2)
}

async function stopsEarly<T>(trial: SourceTrial<T>): Promise<void> {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const run = trial.start({ gate })
  run.stop()
  open()
  await trial.under.send(2)
  await expectStopped(trial, run, 0)
}

async function expectStopped<T>(trial: SourceTrial<T>, run: SourceRun<T>, emitted: number): Promise<void> {
  await trial.quiet()
  expectSame('emitted after the end', trial.numbers(run.emitted.slice(emitted)), [])
  const { under } = trial
  if (under.connections) expectSame('connections after the end', under.connections(), 0)
}

async function survivesBreaks<T>(trial: SourceTrial<T>): Promise<void> {
  const { under } = trial
  let run = trial.start()
  await under.send(3)
  await trial.expectEmitted(run, range(0, 3))
  const statesBefore = run.states.length
  await needed('connection', under.breakConnection?.bind(under))
  await under.send(3)
  const { tape } = trial
  await run.until('it fails or goes on', () => run.failure !== undefined || tape.values.length === 6)
  expectSame('that it is completed', run.isCompleted, false)
  if (run.failure) {
    // The runtime starts it again, and ends the program for any other error.
    expectSame('that its error says that it may pass', isRetryable(run.failure.error), true)
    run = trial.start()
    await run.until('it goes on', () => tape.values.length === 6)
  } else {
    const said = run.states.slice(statesBefore).some((state) => state !== 'live')
    expectSame('that it has said so by its state', said, true)
  }
  await trial.quiet()
  expectSame(
    'what is in its topic',
    trial.numbers(tape.values).toSorted((a, b) => a - b),
    range(0, 6),
  )
}
