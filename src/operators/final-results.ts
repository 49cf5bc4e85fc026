import type { Chunk, Headers } from '../records/chunk.ts'
import { headersSerde } from '../serdes/header-parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { type KeyValueStore, keyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { WindowStore } from '../state/window-store.ts'
import { windowedSerde } from '../windows/windowed-serde.ts'
import { firstWindowStartMs, type TimeWindows, type Windowed } from '../windows/windows.ts'
import type { TableChunkBuilder } from './chunk-builder.ts'
import { noHeaders } from './map-headers.ts'
import type { OperatorContext, StreamTime } from './operator.ts'

/** Headers of the newest record of each window that is not closed; most have none. */
export type WindowHeaders<K> = KeyValueStore<Windowed<K>, Headers>

/**
 * The store for it, named after the suppression that would hold the windows back.
 *
 * @example
 * ```ts
 * const windows = tumbling({ sizeMs: 60_000, graceMs: 5_000 })
 * const kept = { sizeMs: 60_000, retentionMs: 65_000 }
 * const store = windowStore({ name: 'counts', key: serdes.string, value: serdes.long, ...kept })
 * const final = windowHeaders('closed minutes', serdes.string)
 * clicks$.pipe(windowAggregate({ windows, aggregation: counting, store, final }))
 * ```
 */
export function windowHeaders<K>(suppression: string, key: Serde<K>): StoreSpec<WindowHeaders<K>> {
  return keyValueStore({ name: `${suppression}-headers`, key: windowedSerde(key), value: headersSerde })
}

export interface FinalResultsOptions<K, A> {
  readonly windows: TimeWindows
  readonly store: WindowStore<K, A>
  readonly headers: StoreSpec<WindowHeaders<K>>
  /** Whether records of other streams, each with a time of its own, may still update a window that is out. */
  readonly isShared: boolean
}

/**
 * Emits each window once, when the updates of all windows have come to its end and grace: what a suppression behind the
 * aggregation would let through, in the same order and with the same headers, out of the aggregation's own store.
 */
export class FinalResults<K, A> {
  readonly #windows: TimeWindows
  readonly #store: WindowStore<K, A>
  readonly #headers: WindowHeaders<K>
  readonly #streamTime: StreamTime
  /** Largest time of an update: windows are out that were closed by then. */
  readonly #time: StreamTime
  /** When the next window closes, at the earliest. */
  #nextMs = Number.NEGATIVE_INFINITY

  constructor({ windows, store, headers, isShared }: FinalResultsOptions<K, A>, context: OperatorContext) {
    this.#windows = windows
    this.#store = store
    this.#headers = context.store(headers)
    this.#streamTime = context.streamTime
    this.#time = context.keptTime('final')
    if (isShared) return
    const [updates, records] = [this.#time, this.#streamTime]
    // At least once, updates may be ahead of the records that are read again, and these still come to their windows.
    store.finalBy({
      get ms() {
        return Math.min(updates.ms, records.ms)
      },
    })
  }

  /** To be called before stream time moves: where a suppression stood here until now, it has let through what is closed. */
  begin(): void {
    if (this.#time.ms === Number.NEGATIVE_INFINITY) this.#time.ms = this.#streamTime.ms
  }

  /** Updates have come to that time: emits what is closed, before the store may forget it. */
  advance(
    out: TableChunkBuilder<Windowed<K>, A>,
    chunk: Chunk<unknown, unknown>,
    i: number,
    timestampMs: number,
  ): void {
    const beforeMs = this.#time.ms
    if (timestampMs <= beforeMs) return
    this.#time.ms = timestampMs
    if (timestampMs < this.#nextMs) return
    const { sizeMs, graceMs } = this.#windows
    const closedMs = timestampMs - graceMs
    this.#nextMs = firstWindowStartMs(this.#windows, closedMs) + sizeMs + graceMs
    for (const window of this.#store.startingIn(beforeMs - graceMs - sizeMs + 1, closedMs - sizeMs)) {
      this.#emit(out, chunk, i, window.windowed, window.value, window.timestampMs)
    }
  }

  /** A window was updated by record `i`; null: it is deleted. One that is out already goes out again. */
  updated(
    out: TableChunkBuilder<Windowed<K>, A>,
    chunk: Chunk<unknown, unknown>,
    i: number,
    windowed: Windowed<K>,
    value: A | null,
    timestampMs: number,
  ): void {
    const { headers } = chunk
    if (headers || this.#headers.size > 0)
      this.#keep(windowed, value === null ? undefined : headers?.[i], timestampMs)
    if (value !== null && windowed.endMs + this.#windows.graceMs <= this.#time.ms)
      this.#emit(out, chunk, i, windowed, value, timestampMs)
  }

  #keep(windowed: Windowed<K>, headers: Headers | undefined, timestampMs: number): void {
    if (headers) this.#headers.put(windowed, headers, timestampMs)
    else this.#headers.delete(windowed, timestampMs)
  }

  #emit(
    out: TableChunkBuilder<Windowed<K>, A>,
    chunk: Chunk<unknown, unknown>,
    i: number,
    windowed: Windowed<K>,
    value: A,
    timestampMs: number,
  ): void {
    const headers = this.#headers.size > 0 ? this.#headers.get(windowed) : undefined
    if (headers) this.#headers.delete(windowed, timestampMs)
    // Without any of its own it has none: not those of the record that closes it.
    out.update(i, windowed, value, null, timestampMs, true, headers ?? (chunk.headers && noHeaders))
  }
}
