import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { Windowed } from '../windows/windows.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import type { OperatorContext, StreamTime } from './operator.ts'

/** When a windowed aggregation emits: after each record, or each window once, when it has closed. */
export type Emission = 'onUpdate' | 'onWindowClose'

/**
 * Emits the windows that were closed by `closedMs` and not yet by `emittedMs`; each comes from record `i` of `out`'s
 * origin.
 */
type EmitClosed<K, A> = (
  out: TableChunkBuilder<Windowed<K>, A>,
  i: number,
  emittedMs: number,
  closedMs: number,
) => void

/**
 * Emits each window once: at a record, at most once in `emitIntervalMs` of wall-clock time, and only if stream time has
 * closed something since. How far it has come is kept with the offsets, so that no window is emitted twice.
 * Source: Kafka Streams `EmitStrategy.onWindowClose`.
 */
class WindowClosing<K, A> {
  readonly #context: OperatorContext
  readonly #emitClosed: EmitClosed<K, A>
  readonly #emitted: StreamTime
  #nextLookMs = Number.NEGATIVE_INFINITY

  constructor(context: OperatorContext, emitClosed: EmitClosed<K, A>) {
    this.#context = context
    this.#emitClosed = emitClosed
    this.#emitted = context.keptTime('emitted')
  }

  /** Up to where windows were closed at the last look that found something to emit; −Infinity before the first. */
  get emittedMs(): number {
    return this.#emitted.ms
  }

  /** Windows are closed up to `closedMs`: if it is time to look, emits those that were not at the last look. */
  look(out: TableChunkBuilder<Windowed<K>, A>, i: number, closedMs: number): void {
    const nowMs = this.#context.now()
    if (nowMs < this.#nextLookMs) return
    // Every look starts the interval anew.
    this.#nextLookMs = nowMs + this.#context.emitIntervalMs
    this.lookNow(out, i, closedMs)
  }

  /** The same whatever the time: before a store forgets what was not emitted yet. */
  lookNow(out: TableChunkBuilder<Windowed<K>, A>, i: number, closedMs: number): void {
    const emittedMs = this.#emitted.ms
    if (closedMs <= emittedMs) return
    this.#emitted.ms = closedMs
    this.#emitClosed(out, i, emittedMs, closedMs)
  }
}

/** Undefined where windows are emitted as they change. */
export function windowClosing<K, A>(
  emit: Emission,
  context: OperatorContext,
  emitClosed: EmitClosed<K, A>,
): WindowClosing<K, A> | undefined {
  return emit === 'onUpdate' ? undefined : new WindowClosing(context, emitClosed)
}

/** What a heartbeat does to a windowed aggregation: moves its stream time, and emits what that has closed. */
export function advanceTo<K, A>(
  heartbeat: Chunk<unknown, unknown>,
  { streamTime }: OperatorContext,
  emitClosed: (out: TableChunkBuilder<Windowed<K>, A>) => void,
): TableChunk<Windowed<K>, A> {
  const out = new TableChunkBuilder<Windowed<K>, A>(heartbeat)
  streamTime.ms = Math.max(streamTime.ms, heartbeat.timestampsMs[0] as number)
  emitClosed(out)
  return out.build()
}
