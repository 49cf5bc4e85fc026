import { RivuletError } from '../errors.ts'
import type { InstanceContext } from './instance-context.ts'
import type { TaskStores } from './task-stores.ts'

export interface StandbyTaskOptions {
  readonly id: string
  readonly context: InstanceContext
  readonly create: () => TaskStores
  /** It was looked at, and may be less behind. */
  readonly followed: () => void
}

/**
 * A copy of the stores of a task that runs elsewhere. It reads what is committed in their changelogs, writes nothing there,
 * and is a little behind. Source: Kafka Streams' `StandbyTask`.
 */
export class StandbyTask {
  readonly id: string
  readonly #options: StandbyTaskOptions
  readonly #ending = new AbortController()
  #stores: TaskStores
  #lag: number | undefined
  #following: Promise<void> | undefined

  constructor(options: StandbyTaskOptions) {
    this.id = options.id
    this.#options = options
    this.#stores = options.create()
  }

  /**
   * By how many records it was behind when it had come as near as it could last; undefined: it has not come so far once.
   */
  get lag(): number | undefined {
    return this.#lag
  }

  /** Reads what has come since, unless it still does. */
  follow(): void {
    if (this.#following || this.#ending.signal.aborted) return
    this.#following = this.#follow()
      .catch((error) => {
        if (!this.#ending.signal.aborted) this.#options.context.failed(error)
      })
      .finally(() => {
        this.#following = undefined
      })
  }

  /** Ends, and hands the stores over; undefined: there is nothing complete in them. */
  async release(): Promise<TaskStores | undefined> {
    await this.#end()
    if (this.#lag !== undefined) return this.#stores
    await this.#stores.state.close()
    return undefined
  }

  async close(): Promise<void> {
    await this.#end()
    await this.#stores.state.close()
  }

  async #end(): Promise<void> {
    this.#ending.abort(new RivuletError('INTERNAL', `the copy of task ${this.id} is given up`))
    await this.#following
  }

  async #follow(): Promise<void> {
    this.#lag = await this.#comeNear()
    if (this.#lag === undefined) await this.#beginAnew()
    this.#options.followed()
  }

  /**
   * What has come in a second, or before there was a copy, says nothing of how long it would take to take over: so it looks
   * again, for as long as it is too far behind and comes nearer by that.
   */
  async #comeNear(): Promise<number | undefined> {
    const { acceptableRecoveryLag } = this.#options.context.settings
    const { state } = this.#stores
    let before = Number.POSITIVE_INFINITY
    for (;;) {
      const lag = await state.follow(this.#ending.signal)
      if (lag === undefined || lag <= acceptableRecoveryLag || lag >= before) return lag
      before = lag
    }
  }

  /** Its changelogs may have forgotten deletions that it has not seen. */
  async #beginAnew(): Promise<void> {
    this.#options.context.logger.info({ task: this.id }, 'copy begun anew')
    await this.#stores.state.close()
    this.#stores = this.#options.create()
  }
}
