import type { Subscription } from 'rxjs'
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'

export interface Chore {
  readonly name: string
  readonly intervalMs: number
  readonly run: () => Promise<void>
}

/** Runs each chore over and over, one at a time, its interval between two runs. A failure is logged, once in a row. */
export class Maintenance {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #timers = new Map<string, Subscription>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  start(chore: Chore): void {
    this.#schedule(chore, false)
  }

  /** Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.unsubscribe()
    await Promise.all(this.#running)
  }

  #schedule(chore: Chore, failedBefore: boolean): void {
    if (this.#stopped) return
    const begin = () => {
      const run = this.#run(chore, failedBefore)
      this.#running.add(run)
      void run.then(() => this.#running.delete(run))
    }
    this.#timers.set(chore.name, this.#clock.scheduler.schedule(begin, chore.intervalMs))
  }

  async #run(chore: Chore, failedBefore: boolean): Promise<void> {
    let failed = false
    try {
      await chore.run()
    } catch (error) {
      failed = true
      if (!failedBefore) this.#logger.error({ chore: chore.name, error: messageOf(error) }, 'A chore failed')
    }
    this.#schedule(chore, failed)
  }
}
