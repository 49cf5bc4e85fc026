import type { Dropped } from '../operators/operator.ts'
import { toStream } from '../operators/to-stream.ts'
import { nullable } from '../serdes/serdes.ts'
import { type Stage, sideOutput, untyped } from './builder.ts'
import { type Named, splitName } from './named.ts'
import { Stream } from './stream.ts'

/** The newest value of each key, and how it changes. Source: Kafka Streams `KTable`. */
export class Table<K, V> {
  readonly #stage: Stage<K, V>

  constructor(stage: Stage<K, V>) {
    this.#stage = stage
  }

  /** @internal */
  get stage(): Stage<K, V> {
    return this.#stage
  }

  /** The changes of the table as records; a deleted row is a null value. */
  toStream(...args: Named<[]>): Stream<K, V | null> {
    const { name } = splitName(args)
    const { builder, port, key, value, rekeyed } = this.#stage
    const derived = builder.graph.add({
      type: 'operator',
      kind: 'toStream',
      ...name,
      inputs: [port],
      stores: [],
      expands: false,
      stateless: true,
      connect: () => [untyped(toStream<K, V>())],
    })
    return new Stream({ builder, port: derived, key, value: nullable(value), rekeyed })
  }

  /** What the step that makes this table has left out, with the reason. Every such record is counted too. */
  get dropped$(): Stream<unknown, Dropped<unknown>> {
    return new Stream(sideOutput(this.#stage, 'dropped'))
  }
}
