import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { SessionStore } from '../state/session-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { SessionWindows, Windowed } from '../windows/windows.ts'
import type { SessionAggregation } from './aggregation.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { advanceTo, type Emission, windowClosing } from './emission.ts'
import { eachRecord, type OperatorContext, standalone, timedOperator } from './operator.ts'

/** What is aggregated, in which sessions, and where they are. */
export interface SessionAggregateOptions<K, V, A> {
  /** How far apart the records of a session may be. */
  readonly windows: SessionWindows
  /** How values become an aggregate, and two sessions one. */
  readonly aggregation: SessionAggregation<NoInfer<K>, V, A>
  /** The sessions; its retention is at least gap plus grace. */
  readonly store: StoreSpec<SessionStore<K, A>>
  /** Default: on update. */
  readonly emit?: Emission
}

/**
 * Aggregates the records of each key that are at most `gapMs` apart into one session, both ends inside. A record that
 * joins sessions emits a tombstone for each, then the new one, at the session's end; the merger starts from the initial
 * value. A record is late if the session that it would make ends before streamTime − graceMs − gapMs. A null key is
 * dropped and does not move time; a null value is aggregated; a null aggregate is not stored.
 *
 * On window close: each session once, when stream time is past its end + gapMs + graceMs, in order of end, then of
 * start, then of the serialized key; no tombstones. Source: Kafka Streams `SessionWindowedKStream.aggregate`.
 *
 * @example
 * ```ts
 * const windows = session({ gapMs: 60_000 })
 * const store = sessionStore({ name: 'visits', key: serdes.string, value: serdes.long, retentionMs: 60_000 })
 * clicks$.pipe(sessionAggregate({ windows, aggregation: counting, store }))
 * ```
 */
export function sessionAggregate<K, V, A>(
  { windows, aggregation, store: spec, emit = 'onUpdate' }: SessionAggregateOptions<K, V, A>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V>, TableChunk<Windowed<K>, A>> {
  const { gapMs, graceMs } = windows
  return timedOperator(context, () => {
    const store = context.store(spec)
    const { streamTime } = context
    const closing = windowClosing<K, A>(emit, context, (out, i, emittedMs, closedMs) => {
      for (const { windowed, value } of store.endingIn(emittedMs, closedMs - 1)) {
        out.update(i, windowed, value, null, windowed.endMs)
      }
    })
    const take = (chunk: Chunk<K | null, V>): TableChunk<Windowed<K>, A> => {
      const out = new TableChunkBuilder<Windowed<K>, A>(chunk)
      const add = (i: number, key: K, value: V, recordMs: number, closedMs: number) => {
        const joined = store.fetch(key, recordMs - gapMs, recordMs + gapMs)
        const startMs = Math.min(recordMs, joined[0]?.windowed.startMs ?? recordMs)
        const endMs = joined.reduce((end, { windowed }) => Math.max(end, windowed.endMs), recordMs)
        if (endMs < closedMs) {
          context.drop(chunk, i, 'late', { window: { startMs, endMs }, streamTimeMs: streamTime.ms })
          return
        }
        let merged = aggregation.initializer()
        for (const session of joined) merged = aggregation.merger(merged, session.value, key)
        const aggregate = aggregation.aggregator(merged, value, key)
        // A session that is this very instant goes on as it is; every other one is replaced.
        if (startMs < endMs) {
          for (const session of joined) {
            store.delete(session.windowed)
            if (!closing) out.update(i, session.windowed, null, session.value, session.windowed.endMs)
          }
        }
        const windowed = { key, startMs, endMs }
        if (aggregate === null) store.delete(windowed)
        else store.put(windowed, aggregate)
        if (!closing) out.update(i, windowed, aggregate, null, endMs)
      }
      eachRecord(context, chunk, (i, key, value, recordMs) => {
        if (key === null) return context.drop(chunk, i, 'null-key')
        streamTime.ms = Math.max(streamTime.ms, recordMs)
        const closedMs = streamTime.ms - graceMs - gapMs
        if (closing && store.forgottenBy(streamTime.ms) >= closing.emittedMs) {
          closing.lookNow(out, i, closedMs)
        }
        add(i, key, value, recordMs, closedMs)
        closing?.look(out, i, closedMs)
      })
      return out.build()
    }
    const lookAt = (out: TableChunkBuilder<Windowed<K>, A>) =>
      closing?.look(out, 0, streamTime.ms - gapMs - graceMs)
    return { take, advance: (heartbeat) => advanceTo(heartbeat, context, lookAt) }
  })
}
