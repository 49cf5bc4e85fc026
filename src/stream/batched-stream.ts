import { checked } from '../checked.ts'
import type { Stage } from './builder.ts'
import type { BatchPolicy } from './graph.ts'
import { type Named, splitName } from './named.ts'
import { repartition } from './repartition.ts'
import type { Sink } from './sink.ts'

/**
 * A stream on its way into an external system, which keeps its own place in what it reads. So it reads from a topic:
 * where the stream is more than a stateless view of one, a topic of the application's own is put in front.
 */
export class BatchedStream<K, V> {
  readonly #stage: Stage<K, V>
  readonly #policy: BatchPolicy

  /** @internal */
  constructor(stage: Stage<K, V>, { rowsMax, waitMsMax }: BatchPolicy) {
    this.#stage = stage
    this.#policy = { ...checked({ rowsMax }, 1), ...checked({ waitMsMax }, 0) }
  }

  /**
   * Hands the batches to a sink, each once; the path ends here. Throws `BAD_TOPOLOGY` for a name that another step has.
   *
   * @example
   * ```ts
   * stream(clicks).batch({ rowsMax: 10_000, waitMsMax: 1_000 }).to('clicks to ClickHouse', clickhouse(clicksTable))
   * ```
   */
  to(...args: Named<[sink: Sink<K, V>]>): void {
    const [name, sink] = splitName(args, 'sink')
    const { builder } = this.#stage
    const step = name.name ?? `to ${sink.name}`
    const { port } = builder.graph.isReplayable(this.#stage.port)
      ? this.#stage
      : repartition(this.#stage, step, { nullKeys: true })
    builder.graph.add({
      type: 'external-sink',
      kind: 'to',
      name: step,
      input: port,
      sink,
      batch: this.#policy,
    })
  }
}
