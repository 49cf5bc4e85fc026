import type { Stage } from './builder.ts'
import { repartition } from './repartition.ts'

/** Records by key: behind one repartition topic at most, however many aggregations are made of the group. */
export class Group<K, V> {
  readonly stage: Stage<K, V>
  readonly #name: string | undefined
  readonly #partitions: number | undefined
  #partitioned: Stage<K, V> | undefined

  constructor(stage: Stage<K, V>, name: string | undefined, partitions: number | undefined) {
    this.stage = stage
    this.#name = name
    this.#partitions = partitions
  }

  /** Where the records lie as their key says. The topic, if there must be one, is named after the group or the fallback. */
  partitioned(fallbackName: string): Stage<K, V> {
    if (!this.stage.rekeyed) return this.stage
    this.#partitioned ??= repartition(this.stage, this.#name ?? fallbackName, {
      ...(this.#partitions !== undefined && { partitions: this.#partitions }),
    })
    return this.#partitioned
  }
}
