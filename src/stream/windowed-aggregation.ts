import type { Aggregation, SessionAggregation } from '../operators/aggregation.ts'
import type { Emission } from '../operators/emission.ts'
import { sessionAggregate } from '../operators/session-aggregate.ts'
import { slidingAggregate } from '../operators/sliding-aggregate.ts'
import { windowAggregate } from '../operators/window-aggregate.ts'
import { windowedSerde } from '../serdes/windowed-serde.ts'
import { type SessionStore, sessionStore } from '../state/session-store.ts'
import type { StoreSpec } from '../state/store.ts'
import { type WindowStore, windowStore } from '../state/window-store.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, Windowed } from '../windows/windows.ts'
import { type AggregationInput, aggregationStep, type WindowStoreOptions } from './aggregation-step.ts'
import { type TableRows, windowedRows } from './table-rows.ts'
import { WindowedTable } from './windowed-table.ts'

export interface WindowedByOptions {
  /** Default `onUpdate`: after each record. `onWindowClose`: each window once, when it has closed. */
  readonly emit?: Emission
}

interface Step<K, A, G, W> {
  readonly kind: string
  readonly name?: string
  readonly inputs: readonly AggregationInput<K, G>[]
  readonly options: WindowStoreOptions<A> | undefined
  readonly windows: W
  readonly emit: Emission | undefined
}

/** The table of an aggregation over tumbling, hopping or sliding windows. */
export function windowedAggregation<K, A>({
  windows,
  emit = 'onUpdate',
  ...step
}: Step<K, A, Aggregation<K, unknown, A>, TimeWindows | SlidingWindows>): WindowedTable<K, A> {
  const sizeMs = windows.kind === 'time' ? windows.sizeMs : windows.differenceMs
  const default_ = (windows.kind === 'time' ? sizeMs : 2 * sizeMs) + windows.graceMs
  const { retentionMs = default_ } = step.options ?? {}
  const stage = aggregationStep<K, A, Aggregation<K, unknown, A>, Windowed<K>, WindowStore<K, A>>({
    ...step,
    expands: windows.kind === 'sliding' || windows.advanceMs < windows.sizeMs || emit === 'onWindowClose',
    // As in Kafka Streams, a window that is to be emitted at its close is still there at that moment.
    store: (options) =>
      windowStore({ ...options, sizeMs, retentionMs: emit === 'onUpdate' ? retentionMs : retentionMs + 1 }),
    operator: (aggregation, store, context) =>
      windows.kind === 'time'
        ? windowAggregate({ windows, aggregation, store, emit }, context)
        : slidingAggregate({ windows, aggregation, store, emit }, context),
  })
  const windowed = { ...stage, key: windowedSerde(stage.key) }
  return new WindowedTable(windowed, windowedRows(stage.store), {
    closesMs: windows.graceMs,
    aggregation: stage,
  })
}

/** The table of an aggregation over sessions. */
export function sessionAggregation<K, A>({
  windows,
  emit = 'onUpdate',
  ...step
}: Step<K, A, SessionAggregation<K, unknown, A>, SessionWindows>): WindowedTable<K, A> {
  const closesMs = windows.gapMs + windows.graceMs
  const { retentionMs = closesMs } = step.options ?? {}
  const stage = aggregationStep<K, A, SessionAggregation<K, unknown, A>, Windowed<K>, SessionStore<K, A>>({
    ...step,
    expands: true,
    store: (options) => sessionStore({ ...options, retentionMs }),
    operator: (aggregation, store, context) =>
      sessionAggregate({ windows, aggregation, store, emit }, context),
  })
  const windowed = { ...stage, key: windowedSerde(stage.key) }
  return new WindowedTable(windowed, sessionRows(stage.store), { closesMs, aggregation: stage })
}

/** The rows of a session aggregation: a session is as old as its end. */
function sessionRows<K, A>(store: StoreSpec<SessionStore<K, A>>): TableRows<Windowed<K>, A> {
  return {
    versioned: false,
    sendOldValues: () => true,
    stored: () => store,
    view: () => ({
      stores: [store],
      open(context) {
        const sessions = context.store(store)
        return {
          row({ key, startMs, endMs }) {
            const found = sessions.fetch(key, endMs, startMs).find(({ windowed }) => windowed.endMs === endMs)
            return found && { value: found.value, timestampMs: endMs }
          },
        }
      },
    }),
  }
}
