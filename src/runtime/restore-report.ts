import type { InstanceContext } from './instance-context.ts'

/** Said no more often than this. */
const saidEveryMs = 1_000

/** Tells how far a store has been read from its changelog, while that takes long. Source: Kafka Streams' `StateRestoreListener`. */
export class RestoreReport {
  readonly #context: InstanceContext
  readonly #of: { readonly task: string; readonly store: string }
  #saidAtMs: number
  #restored = 0

  constructor(context: InstanceContext, of: { readonly task: string; readonly store: string }) {
    this.#context = context
    this.#of = of
    this.#saidAtMs = context.settings.clock.now()
  }

  /** So many records more were read, and so many offsets are left. */
  read(records: number, remaining: number): void {
    const { settings, statistics, logger, emit } = this.#context
    statistics.count('restored', records)
    this.#restored += records
    const nowMs = settings.clock.now()
    if (nowMs - this.#saidAtMs < saidEveryMs) return
    this.#saidAtMs = nowMs
    const progress = { ...this.#of, restored: this.#restored, remaining }
    logger.info(progress, 'state is being restored')
    emit({ type: 'restoring', ...progress })
  }
}
