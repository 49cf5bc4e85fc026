import type { OperatorContext } from './operator.ts'

/** When a windowed aggregation emits: after each record, or each window once, when it has closed. */
export type Emission = 'onUpdate' | 'onWindowClose'

/**
 * Says when to look for closed windows: at a record, at most once in `emitIntervalMs` of wall-clock time, and only if
 * stream time has closed something since. How far it had come is kept with the offsets, so that no window is emitted
 * twice. Source: Kafka Streams `EmitStrategy.onWindowClose`.
 */
export function closingLook(context: OperatorContext): ClosingLook {
  const emitted = context.keptTime('emitted')
  let nextLookMs = Number.NEGATIVE_INFINITY
  return (closedMs, emit) => {
    const nowMs = context.now()
    if (nowMs < nextLookMs) return
    // Every look starts the interval anew.
    nextLookMs = nowMs + context.emitIntervalMs
    if (closedMs <= emitted.ms) return
    emit(emitted.ms)
    emitted.ms = closedMs
  }
}

/** Windows are closed up to `closedMs`; `emit` is told up to where they were at the last look, −Infinity at first. */
export type ClosingLook = (closedMs: number, emit: (emittedMs: number) => void) => void
