import type { OperatorFunction } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { StoreSpec } from '../state/store.ts'
import type { SuppressBuffer } from '../state/suppress-buffer.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { noHeaders } from './map-headers.ts'
import { eachUpdate, type OperatorContext, standalone, timedOperator } from './operator.ts'

/** What the buffer may hold, and what happens when it would hold more. Source: Kafka Streams `BufferConfig`. */
export interface BufferBounds {
  /** Keys in the buffer. */
  readonly recordsMax?: number
  /** Serialized keys, values and old values. */
  readonly bytesMax?: number
  /** `emitEarly`: the update with the smallest time goes out before its time; `shutDown`: the pipeline fails. */
  readonly whenFull: 'emitEarly' | 'shutDown'
}

/** What updates wait for, and where. */
export interface SuppressOptions<K, V> {
  /** What an update waits for: `timeOf + waitMs ≤ streamTime`. */
  readonly timeOf: (key: K, timestampMs: number) => number
  /** How long, of event time, from `timeOf` on. */
  readonly waitMs: number
  /** Whether deletions are passed on: no final result of a window is one. */
  readonly tombstones: boolean
  /** How much may wait; absent: whatever comes. */
  readonly bounds?: BufferBounds | undefined
  /** The updates that wait. */
  readonly store: StoreSpec<SuppressBuffer<K, V>>
}

/**
 * Holds back updates of a table, the newest of each key only. One is due when stream time is at least its key's first
 * buffered time plus `waitMs`; what is due goes out in order of that time, then of the serialized key, before the bounds
 * are looked at. Throws `BUFFER_FULL` where the bounds say `shutDown`. Source: Kafka Streams `KTable.suppress`.
 *
 * @example
 * ```ts
 * const store = suppressBuffer({ name: 'held', key: serdes.string, value: serdes.string, measured: false })
 * updates$.pipe(suppress({ timeOf: (_key, timestampMs) => timestampMs, waitMs: 1_000, tombstones: true, store }))
 * ```
 */
export function suppress<K, V>(
  { timeOf, waitMs, tombstones, bounds, store: spec }: SuppressOptions<K, V>,
  context: OperatorContext = standalone(),
): OperatorFunction<TableChunk<K, V>, TableChunk<K, V>> {
  const {
    recordsMax = Number.POSITIVE_INFINITY,
    bytesMax = Number.POSITIVE_INFINITY,
    whenFull,
  } = bounds ?? {}
  return timedOperator(context, () => {
    const buffer = context.store(spec)
    const { streamTime } = context
    const isOverfull = () => buffer.size > recordsMax || buffer.bytes > bytesMax
    const emitFirst = (out: TableChunkBuilder<K, V>, chunk: Chunk<unknown, unknown>, i: number) => {
      const update = buffer.takeFirst()
      if (!update || (update.value === null && !tombstones)) return
      const { key, value, oldValue, timestampMs, headers } = update
      // Without any of its own it has none: not those of the record that lets it go.
      out.update(i, key, value, oldValue, timestampMs, true, headers ?? (chunk.headers && noHeaders))
    }
    const emitDue = (out: TableChunkBuilder<K, V>, chunk: Chunk<unknown, unknown>, i: number) => {
      while (buffer.firstMs + waitMs <= streamTime.ms) emitFirst(out, chunk, i)
    }
    const take = (chunk: TableChunk<K, V>): TableChunk<K, V> => {
      const out = new TableChunkBuilder<K, V>(chunk)
      eachUpdate(context, chunk, (i, key, value, oldValue, timestampMs) => {
        streamTime.ms = Math.max(streamTime.ms, timestampMs)
        buffer.put(timeOf(key, timestampMs), key, value, oldValue, timestampMs, chunk.headers?.[i])
        emitDue(out, chunk, i)
        if (whenFull === 'shutDown' && isOverfull()) {
          throw new RivuletError(
            'BUFFER_FULL',
            `"${context.step}" would hold back ${buffer.size} records (recordsMax: ${recordsMax}) of ${buffer.bytes} bytes (bytesMax: ${bytesMax})`,
          )
        }
        while (isOverfull()) emitFirst(out, chunk, i)
      })
      return out.build()
    }
    const advance = (heartbeat: Chunk<unknown, unknown>): TableChunk<K, V> => {
      const out = new TableChunkBuilder<K, V>(heartbeat)
      streamTime.ms = Math.max(streamTime.ms, heartbeat.timestampsMs[0] as number)
      emitDue(out, heartbeat, 0)
      return out.build()
    }
    return { take, advance }
  })
}
