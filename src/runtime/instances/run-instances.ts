import { type Observable, Subject } from 'rxjs'
import { checked } from '../../checked.ts'
import { type Clock, systemClock } from '../../clock.ts'
import { RivuletError } from '../../errors.ts'
import type { RuntimeEvent } from '../events.ts'
import type { StopOutcome } from '../instance.ts'
import type { PipelineStatus } from '../pipeline-status.ts'
import { InstanceProcess } from './instance-process.ts'

/** How many instances, and how long they are waited for. */
export interface InstancesOptions {
  /** Each is a process of its own. More than there are tasks are of no use. Default: one. */
  readonly instances?: number
  /** After so long, those that have not stopped are killed: `cut-off`. More than the `stopTimeoutMs` of each. Default 30 s. */
  readonly stopTimeoutMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** An event, and the instance that tells it. */
export interface InstanceEvent {
  /** Its index, from 0 on. */
  readonly instance: number
  /** What has happened there. */
  readonly event: RuntimeEvent
}

/** Instances of one topology, each in a process of its own. */
export interface RunningInstances {
  /** Resolves when all of them have started; rejects with what ended one before. */
  readonly started: Promise<void>
  /** Resolves after `stop`; rejects with the `RivuletError` that ended one of them: then the others were stopped. */
  readonly done: Promise<void>
  /** What happens in them, from now on; completes after `stop`, errors with what ended one. */
  readonly events$: Observable<InstanceEvent>
  /** Where each of them stands. Rejects with `TIMED_OUT` where one does not say so within five seconds. */
  statuses(): Promise<readonly PipelineStatus[]>
  /** All of them write and commit what they have read, and are over. The worst of their outcomes; rejects as `done` does. */
  stop(): Promise<StopOutcome>
}

const statusMsMax = 5_000
/** From the best to the worst. */
const outcomes: readonly StopOutcome[] = ['drained', 'sinks-behind', 'cut-off']

/**
 * Runs a topology on several cores: each process loads the module and calls what it exports by default, which starts an
 * instance with `run`. They share the tasks as instances on several machines do, through Kafka's group, so results are exact
 * whatever becomes of one of them. What ends one ends all; and they end with the process that has started them, unless one
 * hangs in a step of its topology, and hears of nothing. Throws
 * `BAD_CONFIG` for a number of instances that is none. Source: Kafka Streams' `num.stream.threads`.
 *
 * @example
 * ```ts
 * // shop.js
 * // export default ({ index }: InstanceNumber) =>
 * //   run(app, { kafka: connectKafka({ brokers: ['localhost:9092'], clientId: 'shop' }), stateDir: `state/${index}` })
 * const running = runInstances(new URL('./shop.js', import.meta.url), { instances: 4 })
 * process.once('SIGTERM', () => void running.stop())
 * await running.done
 * ```
 */
export function runInstances(module: URL, options: InstancesOptions = {}): RunningInstances {
  const { instances = 1, stopTimeoutMs = 30_000, clock = systemClock } = options
  checked({ instances }, 1, 'BAD_CONFIG')
  checked({ stopTimeoutMs }, 0, 'BAD_CONFIG')
  return new Processes(module.href, instances, stopTimeoutMs, clock)
}

class Processes implements RunningInstances {
  readonly events$ = new Subject<InstanceEvent>()
  readonly started: Promise<void>
  readonly done: Promise<void>
  readonly #processes: readonly InstanceProcess[]
  readonly #outcome: Promise<StopOutcome>
  readonly #stopTimeoutMs: number
  readonly #clock: Clock
  #stopping: Promise<void> | undefined

  constructor(module: string, instances: number, stopTimeoutMs: number, clock: Clock) {
    this.#stopTimeoutMs = stopTimeoutMs
    this.#clock = clock
    this.#processes = Array.from({ length: instances }, (_, index) => {
      const told = (event: RuntimeEvent) => this.events$.next({ instance: index, event })
      return new InstanceProcess({ module, index, instances, event: told })
    })
    this.started = Promise.all(this.#processes.map(({ started }) => started)).then(() => undefined)
    this.#outcome = this.#end()
    this.done = this.#outcome.then(() => undefined)
    for (const promise of [this.started, this.done]) promise.catch(() => undefined) // who awaits them is told
  }

  async statuses(): Promise<readonly PipelineStatus[]> {
    const waiting = new AbortController()
    const overdue = this.#clock.sleep(statusMsMax, waiting.signal).then(() => {
      throw new RivuletError('TIMED_OUT', `not all instances say within ${statusMsMax} ms where they stand`)
    })
    try {
      return await Promise.race([Promise.all(this.#processes.map((each) => each.status())), overdue])
    } finally {
      overdue.catch(() => undefined) // they have said it
      waiting.abort()
    }
  }

  stop(): Promise<StopOutcome> {
    this.#stopping ??= this.#stop()
    return this.#outcome
  }

  async #stop(): Promise<void> {
    for (const each of this.#processes) each.stop()
    const waiting = new AbortController()
    const overdue = this.#clock.sleep(this.#stopTimeoutMs, waiting.signal)
    await Promise.race([this.#allEnded(), overdue.catch(() => undefined)])
    waiting.abort()
    await Promise.all(this.#processes.map((each) => each.kill()))
  }

  #allEnded(): Promise<readonly PromiseSettledResult<StopOutcome>[]> {
    return Promise.allSettled(this.#processes.map(({ ended }) => ended))
  }

  /** Resolves when all are over; one that ends by itself takes the others along. */
  async #end(): Promise<StopOutcome> {
    const stopAll = () => void this.stop().catch(() => undefined) // `done` tells
    for (const { ended } of this.#processes) ended.then(stopAll, stopAll)
    const ended = await this.#allEnded()
    await this.#stopping
    const failed = ended.find((each) => each.status === 'rejected')
    if (failed) {
      this.events$.error(failed.reason)
      throw failed.reason
    }
    this.events$.complete()
    const reached = ended.map((each) => (each.status === 'fulfilled' ? outcomes.indexOf(each.value) : 0))
    return outcomes[Math.max(...reached)] as StopOutcome
  }
}
