import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { StoreSpec } from '../state/store.ts'
import type { WindowStore } from '../state/window-store.ts'
import type { SlidingWindows, Windowed } from '../windows/windows.ts'
import type { Aggregation } from './aggregation.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { advanceTo, type Emission, windowClosing } from './emission.ts'
import { eachRecord, type OperatorContext, standalone, timedOperator } from './operator.ts'

/** What is aggregated, in which windows, and where they are. */
export interface SlidingAggregateOptions<K, V, A> {
  /** How far apart the records of a window may be. */
  readonly windows: SlidingWindows
  /** How values become an aggregate. */
  readonly aggregation: Aggregation<NoInfer<K>, V, A>
  /** The windows, of size `differenceMs`; its retention is at least twice that plus the grace. */
  readonly store: StoreSpec<WindowStore<K, A>>
  /** Default: on update. */
  readonly emit?: Emission
}

/** What a window held before the record at hand. */
interface Before<A> {
  readonly value: A | null
  /** The largest event time in it. */
  readonly timestampMs: number
}

/**
 * Aggregates, for each record, the window `[ts − d, ts]` that ends with it and the window `[ts + 1, ts + 1 + d]` that
 * begins behind it (once that is not empty), and every window that it falls into; both ends inside. For `ts < d` the
 * first window is `[0, d]`. A record is late if `ts + d < streamTime − graceMs`; one in time still updates only windows
 * with `endMs ≥ streamTime − graceMs`, and each that it misses counts as one late drop. A null key or value is dropped.
 *
 * Emits its windows in this order: those that exist by descending start, the right window of the record before it, its
 * left, its right one; for `ts < d`: those that exist by ascending start, its right window, that of the record before
 * it, `[0, d]`. On window close: each once, when stream time is past its end + graceMs, in order of start, then of the
 * serialized key; a record with `ts < d` closes nothing. Source: Kafka Streams' `KStreamSlidingWindowAggregate`.
 *
 * @example
 * ```ts
 * const windows = sliding({ differenceMs: 10_000 })
 * const kept = { sizeMs: 10_000, retentionMs: 20_000 }
 * const store = windowStore({ name: 'counts', key: serdes.string, value: serdes.long, ...kept })
 * clicks$.pipe(slidingAggregate({ windows, aggregation: counting, store }))
 * ```
 */
export function slidingAggregate<K, V, A>(
  { windows, aggregation, store: spec, emit = 'onUpdate' }: SlidingAggregateOptions<K, V, A>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V>, TableChunk<Windowed<K>, A>> {
  const { differenceMs, graceMs } = windows
  return timedOperator(context, () => {
    const store = context.store(spec)
    const { streamTime } = context
    const closing = windowClosing<K, A>(emit, context, (out, i, emittedMs, closedMs) => {
      for (const window of store.startingIn(emittedMs - differenceMs, closedMs - differenceMs - 1)) {
        out.update(i, window.windowed, window.value, null, window.timestampMs)
      }
    })
    const take = (chunk: Chunk<K | null, V>): TableChunk<Windowed<K>, A> => {
      const out = new TableChunkBuilder<Windowed<K>, A>(chunk)

      /** Writes what a window holds now, and emits it. */
      const write = (i: number, key: K, startMs: number, now: Before<A>, oldValue: A | null) => {
        const { value, timestampMs } = now
        if (value === null) store.delete(key, startMs, timestampMs)
        else store.put(key, startMs, value, timestampMs)
        const windowed = { key, startMs, endMs: startMs + differenceMs }
        if (!closing) out.update(i, windowed, value, oldValue, timestampMs)
      }

      /** Adds the record to a window that held `before`, unless that has closed. */
      const add = (i: number, key: K, startMs: number, before: Before<A>) => {
        const endMs = startMs + differenceMs
        if (endMs < streamTime.ms - graceMs) {
          context.drop(chunk, i, 'late', { window: { startMs, endMs }, streamTimeMs: streamTime.ms })
          return
        }
        const recordMs = chunk.timestampsMs[i] as number
        const value = aggregation.aggregator(before.value, chunk.values[i] as V, key)
        const timestampMs = before.value === null ? recordMs : Math.max(recordMs, before.timestampMs)
        write(i, key, startMs, { value, timestampMs }, before.value)
      }

      const empty = (timestampMs: number): Before<A> => ({ value: aggregation.initializer(), timestampMs })

      const addInOrder = (i: number, key: K, recordMs: number) => {
        const near = store.fetch(key, Math.max(0, recordMs - 2 * differenceMs), recordMs + 1)
        let left: Before<A> | undefined
        let right: Before<A> | undefined
        let hasLeft = false
        let hasRight = false
        /** Time of the record before this one, as far as the nearest earlier window knows. */
        let previousMs: number | undefined
        const starts = new Set<number>()
        for (const { windowed, value, timestampMs } of near.toReversed()) {
          const { startMs, endMs } = windowed
          // The window's entry changes with the update: what it held before is needed below.
          const before = { value, timestampMs }
          starts.add(startMs)
          if (startMs === recordMs + 1) hasRight = true
          else if (endMs > recordMs) {
            right ??= before
            add(i, key, startMs, before)
          } else if (endMs === recordMs) {
            hasLeft = true
            add(i, key, startMs, before)
            // Another record at this instant has made all windows already.
            if (timestampMs >= recordMs) return
            previousMs = timestampMs
          } else {
            left = before
            previousMs = timestampMs
            break
          }
        }
        if (previousMs !== undefined) {
          const startMs = previousMs + 1
          if (!starts.has(startMs) && startMs + differenceMs >= recordMs)
            add(i, key, startMs, empty(recordMs))
        }
        if (!hasLeft) {
          const holdsPrevious = left && previousMs !== undefined && previousMs >= recordMs - differenceMs
          const before = holdsPrevious
            ? { value: left?.value ?? null, timestampMs: recordMs }
            : empty(recordMs)
          add(i, key, recordMs - differenceMs, before)
        }
        if (!hasRight && right && right.timestampMs > recordMs) write(i, key, recordMs + 1, right, null)
      }

      /** There are no windows before 0: those that would begin there are one, `[0, d]`. */
      const addEarly = (i: number, key: K, recordMs: number) => {
        let first: Before<A> | undefined
        let right: Before<A> | undefined
        let hasRight = false
        let previousMs: number | undefined
        const starts = new Set<number>()
        for (const { windowed, value, timestampMs } of store.fetch(key, 0, recordMs + 1)) {
          const { startMs } = windowed
          const before = { value, timestampMs }
          starts.add(startMs)
          if (startMs === 0) {
            first = before
            if (timestampMs < recordMs) previousMs = timestampMs
          } else if (startMs === recordMs + 1) hasRight = true
          else {
            right = before
            add(i, key, startMs, before)
          }
        }
        if (!right && first && first.timestampMs > recordMs) right = first
        if (!hasRight && right && right.timestampMs > recordMs) write(i, key, recordMs + 1, right, null)
        if (previousMs !== undefined && !starts.has(previousMs + 1)) {
          add(i, key, previousMs + 1, empty(recordMs))
        }
        add(i, key, 0, first ?? empty(recordMs))
      }

      eachRecord(context, chunk, (i, key, value, recordMs) => {
        if (key === null) return context.drop(chunk, i, 'null-key')
        if (value === null) return context.drop(chunk, i, 'null-value')
        streamTime.ms = Math.max(streamTime.ms, recordMs)
        const closedMs = streamTime.ms - graceMs
        if (recordMs + differenceMs < closedMs) {
          const window = { startMs: recordMs - differenceMs, endMs: recordMs }
          return context.drop(chunk, i, 'late', { window, streamTimeMs: streamTime.ms })
        }
        if (recordMs < differenceMs) return addEarly(i, key, recordMs)
        // A record may begin a window behind itself.
        if (closing && store.forgottenBy(recordMs + 1) >= closing.emittedMs - differenceMs) {
          closing.lookNow(out, i, closedMs)
        }
        addInOrder(i, key, recordMs)
        closing?.look(out, i, closedMs)
      })
      return out.build()
    }
    const lookAt = (out: TableChunkBuilder<Windowed<K>, A>) => closing?.look(out, 0, streamTime.ms - graceMs)
    return { take, advance: (heartbeat) => advanceTo(heartbeat, context, lookAt) }
  })
}
