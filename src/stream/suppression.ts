import { checked, oneOf } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import { type BufferBounds, type SuppressOptions, suppress } from '../operators/suppress.ts'
import type { StoreSpec } from '../state/store.ts'
import { type SuppressBuffer, suppressBuffer } from '../state/suppress-buffer.ts'
import { untyped } from './builder.ts'
import type { TableRows, TableStage } from './table-rows.ts'

/** Holds each window back until it has closed, and sends its last update only. */
export interface UntilWindowCloses {
  /** Which of the two it is. */
  readonly until: 'windowCloses'
}

/**
 * Source: Kafka Streams `Suppressed.untilWindowCloses`.
 *
 * @example
 * ```ts
 * perMinute.suppress('closed minutes', untilWindowCloses)
 * ```
 */
export const untilWindowCloses: UntilWindowCloses = { until: 'windowCloses' }

/** Holds each key back for a time, from its first update on, and sends the latest one then. */
export interface UntilTimeLimit {
  /** Which of the two it is. */
  readonly until: 'timeLimit'
  /** How long, in ms of event time. */
  readonly limitMs: number
}

/**
 * `limitMs` of event time. Source: Kafka Streams `Suppressed.untilTimeLimit`.
 *
 * @example
 * ```ts
 * table(supply).suppress('once a minute', untilTimeLimit({ limitMs: 60_000 }))
 * ```
 */
export function untilTimeLimit({ limitMs }: { readonly limitMs: number }): UntilTimeLimit {
  return { until: 'timeLimit', ...checked({ limitMs }, 0) }
}

/** A window's final result can't be sent early: when there are too many open windows, the pipeline fails. */
export type FinalResultBounds = BufferBounds & {
  /** The pipeline fails with `BUFFER_FULL`. */
  readonly whenFull: 'shutDown'
}

/** Adds a suppression to the graph; its buffer is a store with a changelog, named after the step. */
export function suppressionStep<K, V>(
  { stage, rows }: TableStage<K, V>,
  name: string | undefined,
  options: Omit<SuppressOptions<K, V>, 'store'>,
): TableStage<K, V> {
  const { builder, key, value } = stage
  const step = name ?? builder.graph.freeName('suppress')
  if (rows.versioned) {
    const message = `"${step}" would hold back the updates of a versioned table: each of them has a place in its past`
    throw new RivuletError('BAD_TOPOLOGY', message, { place: { step } })
  }
  if (options.bounds) checkBounds(options.bounds, options.tombstones, step)
  // What is held back carries the value before it, as whoever regroups it needs that.
  rows.sendOldValues(true)
  const store = suppressBuffer({ name: step, key, value, measured: options.bounds?.bytesMax !== undefined })
  const port = builder.graph.add({
    type: 'operator',
    kind: 'suppress',
    name: step,
    inputs: [stage.port],
    stores: [store],
    expands: true,
    stateless: false,
    ...(options.bounds && { bounds: options.bounds }),
    ...(!options.tombstones && { untilWindowCloses: true }),
    connect: (context) => [untyped(suppress({ ...options, store }, context))],
  })
  return { stage: { ...stage, port }, rows: suppressedRows(rows, store) }
}

/** Throws `BAD_TOPOLOGY` for bounds that are none; what is final can't go out early. */
function checkBounds(
  { recordsMax = 0, bytesMax = 0, whenFull }: BufferBounds,
  early: boolean,
  step: string,
): void {
  checked({ recordsMax, bytesMax }, 0, 'BAD_TOPOLOGY', { step })
  oneOf({ whenFull }, early ? ['emitEarly', 'shutDown'] : ['shutDown'], { step })
}

/** Those behind a suppression see the rows as they were before what is held back. */
function suppressedRows<K, V>(
  before: TableRows<K, V>,
  store: StoreSpec<SuppressBuffer<K, V>>,
): TableRows<K, V> {
  return {
    versioned: false,
    sendOldValues: (force) => before.sendOldValues(force),
    stored: () => undefined,
    view() {
      const { stores, open } = before.view()
      return {
        stores: [store, ...stores],
        open(context) {
          const buffer = context.store(store)
          const rows = open(context)
          return {
            row(key) {
              const prior = buffer.prior(key)
              if (!prior) return rows.row(key)
              // As in Kafka Streams, nobody knows any more when the value before came.
              return prior.value === null ? undefined : { value: prior.value, timestampMs: -1 }
            },
          }
        },
      }
    },
  }
}
