import type { Chunk, Headers, TableChunk } from '../records/chunk.ts'

/**
 * Collects the records that an operator makes out of one chunk; each keeps place and headers of its origin. Most
 * operators make no more than they are given: with room for that from the start, columns need not grow.
 */
export class ChunkBuilder<K, V> {
  readonly #origin: Chunk<unknown, unknown>
  readonly #keys: K[]
  readonly #values: V[]
  readonly #timestampsMs: number[]
  readonly #offsets: number[]
  #length = 0
  /** Made when the first record with headers comes. */
  #headers: (Headers | undefined)[] | undefined

  constructor(origin: Chunk<unknown, unknown>) {
    this.#origin = origin
    const room = origin.keys.length
    this.#keys = new Array(room)
    this.#values = new Array(room)
    this.#timestampsMs = new Array(room)
    this.#offsets = new Array(room)
  }

  /** How many records it has. */
  get length(): number {
    return this.#length
  }

  /** Adds a record that comes from record `i` of the origin. */
  push(
    i: number,
    key: K,
    value: V,
    timestampMs: number = this.#origin.timestampsMs[i] as number,
    headers: Headers | undefined = this.#origin.headers?.[i],
  ): void {
    const at = this.#length++
    if (headers) this.#headers ??= new Array<Headers | undefined>(at).fill(undefined)
    this.#headers?.push(headers)
    this.#keys[at] = key
    this.#values[at] = value
    this.#timestampsMs[at] = timestampMs
    this.#offsets[at] = this.#origin.offsets[i] as number
  }

  /** What was pushed, as a chunk of the origin's partition. The builder is used up: its columns are the chunk's. */
  build(): Chunk<K, V> {
    this.#endColumns()
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

  /** The same with one more column, in one go: many chunks are of one record. */
  buildTable<W>(this: ChunkBuilder<K, W | null>, oldValues: readonly (W | null)[]): TableChunk<K, W> {
    this.#endColumns()
    const { topic, partition } = this.#origin
    const chunk = {
      topic,
      partition,
      keys: this.#keys,
      values: this.#values,
      timestampsMs: this.#timestampsMs,
      offsets: this.#offsets,
      oldValues,
    }
    return this.#headers ? { ...chunk, headers: this.#headers } : chunk
  }

  #endColumns(): void {
    const length = this.#length
    if (length === this.#keys.length) return
    this.#keys.length = length
    this.#values.length = length
    this.#timestampsMs.length = length
    this.#offsets.length = length
  }
}

/** As a `ChunkBuilder`, for updates of a table. */
export class TableChunkBuilder<K, V> {
  readonly #records: ChunkBuilder<K, V | null>
  readonly #oldValues: (V | null)[] = []
  /** Made when the first update that is not the newest of its key comes. */
  #latest: boolean[] | undefined

  constructor(origin: Chunk<unknown, unknown>) {
    this.#records = new ChunkBuilder(origin)
  }

  /** How many updates it has. */
  get length(): number {
    return this.#records.length
  }

  /**
   * Adds an update that comes from record `i` of the origin. `latest`: versioned tables only, whether it is the newest
   * of its key.
   */
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

  /** What was added, as a chunk of the origin's partition. The builder is used up: its columns are the chunk's. */
  build(): TableChunk<K, V> {
    const chunk = this.#records.buildTable(this.#oldValues)
    return this.#latest ? { ...chunk, latest: this.#latest } : chunk
  }
}
