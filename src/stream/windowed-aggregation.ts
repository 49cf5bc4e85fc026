import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { Aggregation, SessionAggregation } from '../operators/aggregation.ts'
import type { Emission } from '../operators/emission.ts'
import { sessionAggregate } from '../operators/session-aggregate.ts'
import { slidingAggregate } from '../operators/sliding-aggregate.ts'
import { windowAggregate } from '../operators/window-aggregate.ts'
import type { RowReader } from '../state/row-reader.ts'
import { type SessionStore, sessionStore } from '../state/session-store.ts'
import { type StoredWindows, type WindowStore, windowStore } from '../state/window-store.ts'
import { endOf, type Windows } from '../windows/custom-windows.ts'
import { windowedSerde } from '../windows/windowed-serde.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, Windowed } from '../windows/windows.ts'
import { type AggregationInput, aggregationStep } from './aggregation-step.ts'
import type { Stage } from './builder.ts'
import type { StepSpec } from './named.ts'
import type { WindowedStoreOptions } from './store-options.ts'
import { WindowedTable } from './table.ts'
import { storedRows, type TableRows } from './table-rows.ts'

/** When a windowed aggregation emits. */
export interface WindowedByOptions {
  /** Default `onUpdate`: after each record. `onWindowClose`: each window once, when it has closed. */
  readonly emit?: Emission
}

interface WindowedSpec<K, In, A, G, W> extends StepSpec, WindowedByOptions {
  readonly inputs: readonly AggregationInput<K, In, G>[]
  readonly options: WindowedStoreOptions<A> | undefined
  readonly windows: W
}

/** The table of an aggregation over windows of any kind but sessions. */
export function windowedAggregation<K, In, A>({
  windows,
  emit = 'onUpdate',
  ...step
}: WindowedSpec<K, In, A, Aggregation<K, In, A>, TimeWindows | SlidingWindows | Windows>): WindowedTable<
  K,
  A,
  In
> {
  const sizeMs = sizeOf(windows)
  const untilClosedMs = (windows.kind === 'sliding' ? 2 * sizeMs : sizeMs) + windows.graceMs
  const stored = storedWindows(windows)
  const retentionMs = retentionOf(step, untilClosedMs)
  const isShared = step.inputs.length > 1
  const stage = aggregationStep({
    ...step,
    windows,
    expands: windows.kind !== 'time' || windows.advanceMs < windows.sizeMs || emit === 'onWindowClose',
    // As in Kafka Streams, a window that is to be emitted at its close is still there at that moment.
    store: (options) =>
      windowStore({
        ...options,
        ...(stored && { windows: stored }),
        sizeMs,
        retentionMs: emit === 'onUpdate' ? retentionMs : Math.min(retentionMs + 1, Number.MAX_SAFE_INTEGER),
      }),
    canBeFinal: windows.kind === 'time' && emit === 'onUpdate',
    operator: (aggregation, store, context, final) =>
      windows.kind === 'sliding'
        ? slidingAggregate({ windows, aggregation, store, emit }, context)
        : windowAggregate({ windows, aggregation, store, emit, final, isShared }, context),
  })
  return windowedTable(stage, storedRows(stage.store, windowReader), windows.graceMs)
}

/** No window is longer. */
function sizeOf(windows: TimeWindows | SlidingWindows | Windows): number {
  if (windows.kind === 'time') return windows.sizeMs
  return windows.kind === 'sliding' ? windows.differenceMs : windows.sizeMsMax
}

/** Undefined for windows that are as long as all others, and aligned to the epoch, or to the records. */
function storedWindows(windows: TimeWindows | SlidingWindows | Windows): StoredWindows | undefined {
  if (windows.kind === 'custom') return { name: windows.name, endOf: (startMs) => endOf(windows, startMs) }
  if (windows.kind !== 'time' || windows.offsetMs === undefined) return undefined
  const { sizeMs, offsetMs } = windows
  return { name: `${offsetMs} ms later than at the epoch`, endOf: (startMs) => startMs + sizeMs }
}

/** The table of an aggregation over sessions. */
export function sessionAggregation<K, In, A>({
  windows,
  emit = 'onUpdate',
  ...step
}: WindowedSpec<K, In, A, SessionAggregation<K, In, A>, SessionWindows>): WindowedTable<K, A, In> {
  const closesMs = windows.gapMs + windows.graceMs
  const retentionMs = retentionOf(step, closesMs)
  const stage = aggregationStep({
    ...step,
    windows,
    expands: true,
    store: (options) => sessionStore({ ...options, retentionMs }),
    operator: (aggregation, store, context) =>
      sessionAggregate({ windows, aggregation, store, emit }, context),
  })
  return windowedTable(stage, storedRows(stage.store, sessionReader), closesMs)
}

/**
 * How long a window is kept. Throws `BAD_TOPOLOGY` where a record in time might not find it any more. Source: Kafka
 * Streams' `TimeWindowedKStreamImpl`, `SlidingWindowedKStreamImpl`, `SessionWindowedKStreamImpl`.
 */
function retentionOf<A>(
  {
    options,
    name = options?.store,
    kind,
  }: StepSpec & { readonly options: WindowedStoreOptions<A> | undefined },
  leastMs: number,
): number {
  const { retentionMs = leastMs } = options ?? {}
  const step = name ?? kind
  checked({ retentionMs }, 0, 'BAD_TOPOLOGY', { step })
  if (retentionMs >= leastMs) return retentionMs
  const message = `"${step}" forgets a window after ${retentionMs} ms, while records may still come for it: retentionMs must be at least ${leastMs}, for the windows and their grace`
  throw new RivuletError('BAD_TOPOLOGY', message, { place: { step, parameter: 'retentionMs' } })
}

function windowedTable<K, A, In>(
  aggregation: Stage<K, A>,
  rows: TableRows<Windowed<K>, A>,
  closesMs: number,
): WindowedTable<K, A, In> {
  const stage = { ...aggregation, key: windowedSerde(aggregation.key) }
  return new WindowedTable(stage, rows, { closesMs, aggregation })
}

function windowReader<K, A>(windows: WindowStore<K, A>): RowReader<Windowed<K>, A> {
  return { row: ({ key, startMs }) => windows.find(key, startMs) }
}

/** A session is as old as its end. */
function sessionReader<K, A>(sessions: SessionStore<K, A>): RowReader<Windowed<K>, A> {
  return {
    row({ key, startMs, endMs }) {
      const found = sessions.fetch(key, endMs, startMs).find(({ windowed }) => windowed.endMs === endMs)
      return found && { value: found.value, timestampMs: endMs }
    },
  }
}
