import type { Chunk, Headers, TableChunk } from '../stream/chunk.ts'

/** Collects the records that an operator makes out of one chunk; each keeps place and headers of its origin. */
export class ChunkBuilder<K, V> {
  protected readonly origin: Chunk<unknown, unknown>
  protected readonly keys: K[] = []
  protected readonly values: V[] = []
  protected readonly timestampsMs: number[] = []
  protected readonly offsets: number[] = []
  protected readonly headers: (Headers | undefined)[] | undefined

  constructor(origin: Chunk<unknown, unknown>) {
    this.origin = origin
    this.headers = origin.headers ? [] : undefined
  }

  get length(): number {
    return this.keys.length
  }

  /** Adds a record that comes from record `i` of the origin. */
  push(i: number, key: K, value: V, timestampMs: number = this.origin.timestampsMs[i] as number): void {
    this.keys.push(key)
    this.values.push(value)
    this.timestampsMs.push(timestampMs)
    this.offsets.push(this.origin.offsets[i] as number)
    this.headers?.push(this.origin.headers?.[i])
  }

  build(): Chunk<K, V> {
    const { topic, partition } = this.origin
    const { keys, values, timestampsMs, offsets, headers } = this
    return headers
      ? { topic, partition, keys, values, timestampsMs, offsets, headers }
      : { topic, partition, keys, values, timestampsMs, offsets }
  }
}

/** The same for updates of a table. */
export class TableChunkBuilder<K, V> extends ChunkBuilder<K, V | null> {
  readonly #oldValues: (V | null)[] = []
  readonly #latest: boolean[] = []
  #allLatest = true

  update(i: number, key: K, value: V | null, oldValue: V | null, timestampMs?: number, latest = true): void {
    this.push(i, key, value, timestampMs)
    this.#oldValues.push(oldValue)
    this.#latest.push(latest)
    this.#allLatest &&= latest
  }

  override build(): TableChunk<K, V> {
    const chunk = { ...super.build(), oldValues: this.#oldValues }
    return this.#allLatest ? chunk : { ...chunk, latest: this.#latest }
  }
}
