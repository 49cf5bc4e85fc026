import type { OperatorFunction } from 'rxjs'
import { RivuletError } from '../errors.ts'
import { type WindowHeaders, windowHeaders } from '../operators/final-results.ts'
import type { OperatorContext } from '../operators/operator.ts'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import type { StateStore, StoreSpec, StoreType } from '../state/store.ts'
import { checkOneTopology, type Stage, untyped } from './builder.ts'
import type { OperatorNode } from './graph.ts'
import type { Group } from './group.ts'
import type { StepSpec } from './named.ts'
import type { StoreOptions } from './store-options.ts'

/** One of the groups that an aggregation takes in, and what it makes of their values. */
export interface AggregationInput<K, V, G> {
  readonly group: Group<K, V>
  readonly aggregation: G
}

/** What differs from one kind of aggregation to the next. */
export interface AggregationKind<K, V, A, G, W, S extends StateStore> extends StepSpec {
  readonly inputs: readonly AggregationInput<K, V, G>[]
  readonly options: StoreOptions<A> | undefined
  /** Whether one record may update several rows. */
  readonly expands: boolean
  /** Whether it can emit final results itself. */
  readonly canBeFinal?: boolean
  readonly windows?: NonNullable<OperatorNode['windows']>
  store(options: {
    readonly name: string
    readonly key: Serde<K>
    readonly value: Serde<A>
    readonly storeType?: StoreType | undefined
  }): StoreSpec<S>
  operator(
    aggregation: G,
    store: StoreSpec<S>,
    context: OperatorContext,
    /** To emit each window once, when it has closed. */
    final?: StoreSpec<WindowHeaders<K>>,
  ): OperatorFunction<Chunk<K, V>, TableChunk<W, A>>
}

/**
 * Adds an aggregation to the graph: one step, with one operator for each group, over one store. Each group has its own
 * stream time, as in Kafka Streams. The stage's key is that of the groups: windows are put around it by the caller.
 */
export function aggregationStep<K, V, A, G, W, S extends StateStore>({
  kind,
  inputs,
  options = {},
  expands,
  canBeFinal,
  ...step
}: AggregationKind<K, V, A, G, W, S>): Stage<K, A> & { readonly store: StoreSpec<S> } {
  const [first] = inputs
  if (!first) throw new RivuletError('INTERNAL', 'an aggregation needs a group')
  const { builder, key } = first.group.stage
  const name = step.name ?? options.store ?? builder.graph.freeName(kind)
  for (const { group } of inputs) checkOneTopology(first.group.stage, group.stage, name)
  const stages = inputs.map(({ group }, n) => group.partitioned(n === 0 ? name : `${name}-${n + 1}`))
  const value = options.value ?? serdes.json<A>()
  const { storeType } = options
  const store = step.store({ name: options.store ?? name, key, value, storeType })
  const operators = (context: OperatorContext, final?: StoreSpec<WindowHeaders<K>>) =>
    inputs.map(({ aggregation }, n) => untyped(step.operator(aggregation, store, ofInput(context, n), final)))
  const port = builder.graph.add({
    type: 'operator',
    kind,
    name,
    inputs: stages.map((stage) => stage.port),
    stores: [store],
    expands,
    stateless: false,
    ...(step.windows && { windows: step.windows }),
    connect: (context) => operators(context),
    ...(canBeFinal && {
      final(suppression) {
        const headers = windowHeaders(suppression, key)
        return { stores: [store, headers], connect: (context) => operators(context, headers) }
      },
    }),
  })
  return { builder, port, key, value, rekeyed: false, store }
}

function ofInput(context: OperatorContext, n: number): OperatorContext {
  return n === 0 ? context : { ...context, streamTime: context.keptTime(`input-${n + 1}`) }
}
