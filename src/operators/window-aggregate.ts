import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { StoreSpec } from '../state/store.ts'
import type { WindowStore } from '../state/window-store.ts'
import type { Windows } from '../windows/custom-windows.ts'
import { firstWindowStartMs, type TimeWindows, type Windowed } from '../windows/windows.ts'
import type { Aggregation } from './aggregation.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { advanceTo, type Emission, windowClosing } from './emission.ts'
import { FinalResults, type WindowHeaders } from './final-results.ts'
import { eachRecord, type OperatorContext, standalone, timedOperator } from './operator.ts'

/** What is aggregated, in which windows, and where they are. */
export interface WindowAggregateOptions<K, V, A> {
  /** Tumbling, hopping, of a calendar, unlimited, or of one's own. */
  readonly windows: TimeWindows | Windows
  /** How values become an aggregate. */
  readonly aggregation: Aggregation<NoInfer<K>, V, A>
  /** The windows, of the same size; its retention is at least size plus grace. */
  readonly store: StoreSpec<WindowStore<K, A>>
  /** Default: on update. */
  readonly emit?: Emission
  /**
   * Instead of its updates, each window goes out once, when it is closed, as behind a suppression: these are its headers.
   * Of `emit: 'onUpdate'` and windows of one size.
   */
  readonly final?: StoreSpec<WindowHeaders<K>> | undefined
  /** Whether other streams are aggregated into the same store. */
  readonly isShared?: boolean
}

/**
 * Aggregates the records of each key and `[startMs, endMs)` window. A record updates a window only
 * if `endMs > streamTime − graceMs`, judged after the record itself has moved stream time; each window that it misses
 * counts as one late drop. A null key is dropped and does not move time, a record in no window is and does; a
 * null value is aggregated.
 *
 * Emits a window after each record in it, earliest window first; on window close: each once, when stream time has
 * reached `endMs + graceMs`, in order of start, then of the serialized key, with the time of its last record. Unlike in
 * Kafka Streams none is lost when stream time jumps: what the store is about to forget is emitted before. Source: Kafka
 * Streams `TimeWindowedKStream.aggregate`.
 *
 * @example
 * ```ts
 * const windows = tumbling({ sizeMs: 60_000, graceMs: 5_000 })
 * const kept = { sizeMs: 60_000, retentionMs: 65_000 }
 * const store = windowStore({ name: 'counts', key: serdes.string, value: serdes.long, ...kept })
 * clicks$.pipe(windowAggregate({ windows, aggregation: counting, store, emit: 'onWindowClose' }))
 * ```
 */
export function windowAggregate<K, V, A>(
  {
    windows,
    aggregation,
    store: spec,
    emit = 'onUpdate',
    final,
    isShared = false,
  }: WindowAggregateOptions<K, V, A>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V>, TableChunk<Windowed<K>, A>> {
  const { graceMs } = windows
  const isTime = windows.kind === 'time'
  const sizeMsMax = isTime ? windows.sizeMs : windows.sizeMsMax
  const sizeMsMin = isTime ? windows.sizeMs : 1
  return timedOperator(context, () => {
    const store = context.store(spec)
    const { streamTime } = context
    const closing = windowClosing<K, A>(emit, context, (out, i, emittedMs, closedMs) => {
      for (const window of store.startingIn(emittedMs - sizeMsMax + 1, closedMs - sizeMsMin)) {
        const { endMs } = window.windowed
        if (endMs <= emittedMs || endMs > closedMs) continue
        out.update(i, window.windowed, window.value, null, window.timestampMs)
      }
    })
    const results =
      final && isTime ? new FinalResults({ windows, store, headers: final, isShared }, context) : undefined
    const take = (chunk: Chunk<K | null, V>): TableChunk<Windowed<K>, A> => {
      results?.begin()
      const out = new TableChunkBuilder<Windowed<K>, A>(chunk)
      const update = (
        i: number,
        key: K,
        value: V,
        recordMs: number,
        startMs: number,
        endMs: number,
        closedMs: number,
      ): void => {
        if (endMs <= closedMs) {
          context.drop(chunk, i, 'late', { window: { startMs, endMs }, streamTimeMs: streamTime.ms })
          return
        }
        const present = store.find(key, startMs)
        const oldValue = present ? present.value : aggregation.initializer()
        const timestampMs = present && present.timestampMs > recordMs ? present.timestampMs : recordMs
        const newValue = aggregation.aggregator(oldValue, value, key)
        results?.advance(out, chunk, i, timestampMs)
        if (newValue === null) store.delete(key, startMs, timestampMs)
        const windowed =
          newValue === null ? { key, startMs, endMs } : store.put(key, startMs, newValue, timestampMs)
        if (results) results.updated(out, chunk, i, windowed, newValue, timestampMs)
        else if (!closing) out.update(i, windowed, newValue, oldValue, timestampMs)
      }
      eachRecord(context, chunk, (i, key, value, recordMs) => {
        if (key === null) return context.drop(chunk, i, 'null-key')
        if (recordMs > streamTime.ms) streamTime.ms = recordMs
        const closedMs = streamTime.ms - graceMs
        if (closing && store.forgottenBy(recordMs) > closing.emittedMs - sizeMsMax) {
          closing.lookNow(out, i, closedMs)
        }
        if (isTime) {
          const { sizeMs, advanceMs } = windows
          for (let startMs = firstWindowStartMs(windows, recordMs); startMs <= recordMs; startMs += advanceMs)
            update(i, key, value, recordMs, startMs, startMs + sizeMs, closedMs)
        } else {
          const spans = windows.windowsFor(recordMs)
          if (spans.length === 0) context.drop(chunk, i, 'no-window')
          for (const { startMs, endMs } of spans) update(i, key, value, recordMs, startMs, endMs, closedMs)
        }
        closing?.look(out, i, closedMs)
      })
      return out.build()
    }
    const advance = (heartbeat: Chunk<unknown, unknown>): TableChunk<Windowed<K>, A> => {
      results?.begin()
      return advanceTo(heartbeat, context, (out) => {
        results?.advance(out, heartbeat, 0, heartbeat.timestampsMs[0] as number)
        closing?.look(out, 0, streamTime.ms - graceMs)
      })
    }
    return { take, advance }
  })
}
