import type { OperatorContext, StreamTime } from './operator.ts'

/** When a windowed aggregation emits: after each record, or each window once, when it has closed. */
export type Emission = 'onUpdate' | 'onWindowClose'

/**
 * When to look for closed windows: at a record, at most once in `emitIntervalMs` of wall-clock time, and only if stream
 * time has closed something since. How far it has come is kept with the offsets, so that no window is emitted twice.
 * Source: Kafka Streams `EmitStrategy.onWindowClose`.
 */
export class ClosingLook {
  readonly #context: OperatorContext
  readonly #emitted: StreamTime
  #nextLookMs = Number.NEGATIVE_INFINITY

  constructor(context: OperatorContext) {
    this.#context = context
    this.#emitted = context.keptTime('emitted')
  }

  /** Up to where windows were closed at the last look that found something to emit; −Infinity before the first. */
  get emittedMs(): number {
    return this.#emitted.ms
  }

  /**
   * Windows are closed up to `closedMs`: if it is time to look, answers up to where they were at the last look, and takes
   * what lies between as emitted. (No callback: that would cost something for each record.)
   */
  look(closedMs: number): number | undefined {
    const nowMs = this.#context.now()
    if (nowMs < this.#nextLookMs) return undefined
    // Every look starts the interval anew.
    this.#nextLookMs = nowMs + this.#context.emitIntervalMs
    return this.lookNow(closedMs)
  }

  /** The same whatever the time: before a store forgets what was not emitted yet. */
  lookNow(closedMs: number): number | undefined {
    const emittedMs = this.#emitted.ms
    if (closedMs <= emittedMs) return undefined
    this.#emitted.ms = closedMs
    return emittedMs
  }
}
