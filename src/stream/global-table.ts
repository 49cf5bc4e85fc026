import type { Stage } from './builder.ts'
import type { RowView } from './table-rows.ts'

/**
 * A whole topic as a table, on every instance: a stream joins it by any key, without being repartitioned. It is read to
 * its end before anything else starts. Source: Kafka Streams `GlobalKTable`.
 */
export class GlobalTable<K, V> {
  readonly #stage: Stage<K, V>
  readonly #view: RowView<K, V>

  /** @internal */
  constructor(stage: Stage<K, V>, view: RowView<K, V>) {
    this.#stage = stage
    this.#view = view
  }

  /** @internal */
  get stage(): Stage<K, V> {
    return this.#stage
  }

  /** @internal */
  get view(): RowView<K, V> {
    return this.#view
  }
}
