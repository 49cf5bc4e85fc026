import { required } from '../checked.ts'
import { type Processor, process, type StoreSpecs } from '../operators/process.ts'
import { keepingKeys, type ValueProcessor } from '../operators/process-values.ts'
import type { Serde } from '../serdes/serde.ts'
import { type RecordTypes, type Stage, untyped } from './builder.ts'
import { placeOf, type StepSpec } from './named.ts'

/** What a processor keeps, and how what it forwards is written: as the stream before it, unless said otherwise. */
export interface ProcessorSpec<K, V, S extends StoreSpecs> {
  /** A store that two processors name is shared: they then run in one task. */
  readonly stores?: S
  /** How the keys that it forwards are written; default: as those of the stream before it. */
  readonly key?: Serde<K>
  /** How the values that it forwards are written; default: as those of the stream before it. */
  readonly value?: Serde<V>
}

/** The stage behind a processor that forwards keys and values. */
export function processStep<K, V, K2, V2, S extends StoreSpecs>(
  stage: Stage<K, V>,
  name: string,
  spec: ProcessorSpec<K2, V2, S> & { readonly processor: Processor<K, V, K2, V2, S> },
): Stage<K2, V2> {
  const key = writtenAs(spec.key, stage.key)
  const value = writtenAs(spec.value, stage.value)
  const result = { key, value, rekeyed: true }
  return processorStep(stage, { kind: 'process', name }, spec.stores, spec.processor, result)
}

/** The stage behind a processor that forwards values alone. */
export function processValuesStep<K, V, V2, S extends StoreSpecs>(
  stage: Stage<K, V>,
  name: string,
  spec: Omit<ProcessorSpec<K, V2, S>, 'key'> & { readonly processor: ValueProcessor<K, V, V2, S> },
): Stage<K, V2> {
  const { key, rekeyed } = stage
  const result = { key, value: writtenAs(spec.value, stage.value), rekeyed }
  return processorStep(
    stage,
    { kind: 'processValues', name },
    spec.stores,
    keepingKeys(spec.processor),
    result,
  )
}

/** Who names no serde forwards what the stream before has: the methods' types take its types then. */
function writtenAs<T>(serde: Serde<T> | undefined, before: Serde<unknown>): Serde<T> {
  return serde ?? (before as Serde<T>)
}

function processorStep<K, V, K2, V2, S extends StoreSpecs>(
  { builder, port }: Stage<K, V>,
  step: StepSpec,
  stores: S = {} as S,
  processor: Processor<K, V, K2, V2, S>,
  result: RecordTypes<K2, V2>,
): Stage<K2, V2> {
  required({ processor }, placeOf(step))
  const behind = builder.graph.add({
    type: 'operator',
    ...step,
    inputs: [port],
    stores: [...new Set(Object.values(stores))],
    expands: true,
    stateless: false,
    connect: (context) => [untyped(process({ stores, processor }, context))],
  })
  return { builder, port: behind, ...result }
}
