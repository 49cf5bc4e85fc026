import type { OperatorFunction } from 'rxjs'
import type { Aggregation } from '../operators/aggregation.ts'
import type { OperatorContext } from '../operators/operator.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import { type Stage, untyped } from './builder.ts'
import type { Chunk, TableChunk } from './chunk.ts'
import type { StoreOptions } from './grouped-stream.ts'

export interface WindowStoreOptions<A> extends StoreOptions<A> {
  /** How long a window may be found in the store, ms of event time; default: until it has closed. */
  readonly retentionMs?: number
}

/** Grouped records, of whatever type their values are. */
export interface Group<K> {
  readonly stage: Stage<K, unknown>
  /** Where the records lie as their key says. */
  partitioned(fallbackName: string): Stage<K, unknown>
}

/** One of the groups that an aggregation takes in, and what it makes of their values. */
export interface AggregationInput<K, G> {
  readonly group: Group<K>
  readonly aggregation: G
}

/** What differs from one kind of aggregation to the next. */
export interface AggregationKind<K, A, G, W, S extends StateStore> {
  readonly kind: string
  readonly name?: string
  readonly inputs: readonly AggregationInput<K, G>[]
  readonly options: StoreOptions<A> | undefined
  /** Whether one record may update several rows. */
  readonly expands: boolean
  store(options: { name: string; key: Serde<K>; value: Serde<A> }): StoreSpec<S>
  operator(
    aggregation: G,
    store: StoreSpec<S>,
    context: OperatorContext,
  ): OperatorFunction<Chunk<K | null, unknown>, TableChunk<W, A>>
}

/**
 * Adds an aggregation to the graph: one step, with one operator for each group, over one store. Each group has its own
 * stream time, as in Kafka Streams. The stage's key is that of the groups: windows are put around it by the caller.
 */
export function aggregationStep<K, A, G extends Aggregation<K, unknown, A>, W, S extends StateStore>({
  kind,
  inputs,
  options = {},
  expands,
  ...step
}: AggregationKind<K, A, G, W, S>): Stage<K, A> & { readonly store: StoreSpec<S> } {
  const [first] = inputs
  if (!first) throw new TypeError('an aggregation needs a group')
  const { builder } = first.group.stage
  const name = step.name ?? options.store ?? builder.graph.freeName(kind)
  const stages = inputs.map(({ group }, n) => group.partitioned(n === 0 ? name : `${name}-${n + 1}`))
  const { key } = stages[0] as Stage<K, unknown>
  const value = options.value ?? serdes.json<A>()
  const store = step.store({ name: options.store ?? name, key, value })
  const port = builder.graph.add({
    type: 'operator',
    kind,
    name,
    inputs: stages.map((stage) => stage.port),
    stores: [store],
    expands,
    stateless: false,
    connect: (context) =>
      inputs.map(({ aggregation }, n) => untyped(step.operator(aggregation, store, ofInput(context, n)))),
  })
  return { builder, port, key, value, rekeyed: false, store }
}

function ofInput(context: OperatorContext, n: number): OperatorContext {
  return n === 0 ? context : { ...context, streamTime: context.keptTime(`input-${n + 1}`) }
}
