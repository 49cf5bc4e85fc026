import type { Chunk, Headers, TableChunk } from '../stream/chunk.ts'

/** Collects the records that an operator makes out of one chunk; each keeps place and headers of its origin. */
export class ChunkBuilder<K, V> {
  readonly #origin: Chunk<unknown, unknown>
  readonly #keys: K[] = []
  readonly #values: V[] = []
  readonly #timestampsMs: number[] = []
  readonly #offsets: number[] = []
  /** Made when the first record with headers comes. */
  #headers: (Headers | undefined)[] | undefined

  constructor(origin: Chunk<unknown, unknown>) {
    this.#origin = origin
  }

  get length(): number {
    return this.#keys.length
  }

  /** Adds a record that comes from record `i` of the origin. */
  push(
    i: number,
    key: K,
    value: V,
    timestampMs: number = this.#origin.timestampsMs[i] as number,
    headers: Headers | undefined = this.#origin.headers?.[i],
  ): void {
    if (headers) this.#headers ??= this.#keys.map(() => undefined)
    this.#headers?.push(headers)
    this.#keys.push(key)
    this.#values.push(value)
    this.#timestampsMs.push(timestampMs)
    this.#offsets.push(this.#origin.offsets[i] as number)
  }

  build(): Chunk<K, V> {
    const { topic, partition } = this.#origin
    const chunk = {
      topic,
      partition,
      keys: this.#keys,
      values: this.#values,
      timestampsMs: this.#timestampsMs,
      offsets: this.#offsets,
    }
    return this.#headers ? { ...chunk, headers: this.#headers } : chunk
  }
}

/** The same for updates of a table. */
export class TableChunkBuilder<K, V> {
  readonly #records: ChunkBuilder<K, V | null>
  readonly #oldValues: (V | null)[] = []
  /** Made when the first update that is not the newest of its key comes. */
  #latest: boolean[] | undefined

  constructor(origin: Chunk<unknown, unknown>) {
    this.#records = new ChunkBuilder(origin)
  }

  get length(): number {
    return this.#records.length
  }

  /** `latest`: versioned tables only, whether the update is the newest of its key. */
  update(
    i: number,
    key: K,
    value: V | null,
    oldValue: V | null,
    timestampMs?: number,
    latest = true,
    headers?: Headers,
  ): void {
    if (!latest) this.#latest ??= this.#oldValues.map(() => true)
    this.#latest?.push(latest)
    this.#oldValues.push(oldValue)
    this.#records.push(i, key, value, timestampMs, headers)
  }

  build(): TableChunk<K, V> {
    const chunk = { ...this.#records.build(), oldValues: this.#oldValues }
    return this.#latest ? { ...chunk, latest: this.#latest } : chunk
  }
}
