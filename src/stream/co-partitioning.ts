import { RivuletError } from '../errors.ts'
import type { StoreSpec } from '../state/store.ts'
import { type GraphNode, inputsOf, type OperatorNode } from './graph.ts'
import type { SubTopology, TopicInput } from './sub-topologies.ts'

/** Inputs that meet in a store: equal keys must lie in equally numbered partitions of all of them. */
export interface CoPartitionedInputs {
  /** The last step that uses the store, for errors. */
  readonly step: string
  readonly inputs: ReadonlySet<TopicInput>
}

/** What is to be known of an input to judge it; `partitions` is undefined as long as there is no such topic. */
export interface PartitionCount {
  readonly topic: string
  readonly partitions: number | undefined
}

/**
 * Checks that what is joined is partitioned alike. Throws `BAD_TOPOLOGY` that names the step and each topic with its
 * number of partitions. Source: Kafka Streams' `CopartitionedTopicsEnforcer`.
 */
export function checkCoPartitioning(
  subTopologies: readonly SubTopology[],
  countsOf: (input: TopicInput) => readonly PartitionCount[],
): void {
  for (const subTopology of subTopologies) {
    for (const { step, inputs } of coPartitioned(subTopology)) {
      const counts = [...inputs].flatMap(countsOf)
      if (new Set(counts.map(({ partitions }) => partitions)).size <= 1) continue
      const list = counts.map(({ topic, partitions }) => `"${topic}" has ${partitions ?? 'none'}`).join(', ')
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `"${step}" brings together topics with different numbers of partitions, so equal keys would not meet: ${list}. Make them equal, or put a repartition() before`,
        { place: { step } },
      )
    }
  }
}

/**
 * Checks that the keys of what is joined, or aggregated together, are written alike: a record lies where the bytes of its
 * key say. Throws `BAD_TOPOLOGY` that names the step and each topic with its key's serde. Serdes are told apart by name.
 */
export function checkKeySerdes(subTopologies: readonly SubTopology[]): void {
  for (const subTopology of subTopologies) {
    for (const { step, inputs } of coPartitioned(subTopology, meetsByKey)) {
      const keys = [...inputs].filter(liesByKey).map(keySerdeOf)
      if (new Set(keys.map(({ serde }) => serde)).size <= 1) continue
      const list = keys.map(({ topic, serde }) => `"${topic}" has ${serde}`).join(', ')
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `"${step}" brings together keys of different serdes, so equal keys would lie in different partitions: ${list}. Name one serde for all: as the topic's, or as { key } of a repartition(), groupBy, toTable or join that writes a new key`,
        { place: { step } },
      )
    }
  }
}

/** What a processor does with its stores is its own matter: they may have nothing to do with the records' keys. */
function meetsByKey({ kind }: OperatorNode): boolean {
  return kind !== 'process' && kind !== 'processValues'
}

function liesByKey(input: TopicInput): boolean {
  return input.type === 'topic-source' || input.partitionOf === undefined
}

function keySerdeOf(input: TopicInput): { readonly topic: string; readonly serde: string } {
  return input.type === 'topic-source'
    ? { topic: input.topic.name, serde: input.topic.key.name }
    : { topic: input.topicName, serde: input.key.name }
}

/** The inputs of each store that has several. Steps that only merge need no equal partitions. */
export function coPartitioned(
  subTopology: SubTopology,
  uses: (node: OperatorNode) => boolean = () => true,
): readonly CoPartitionedInputs[] {
  if (subTopology.kind !== 'stream') return []
  const reach = reachOf(subTopology.nodes, new Set(subTopology.inputs))
  const stores = new Map<StoreSpec, { readonly step: string; readonly inputs: Set<TopicInput> }>()
  for (const node of subTopology.nodes) {
    if (node.type !== 'operator' || !uses(node)) continue
    for (const store of node.stores) {
      const inputs = new Set(stores.get(store)?.inputs)
      for (const input of reach.get(node.id) ?? []) inputs.add(input)
      stores.set(store, { step: node.name, inputs })
    }
  }
  return [...stores.values()].filter(({ inputs }) => inputs.size > 1)
}

/** Which inputs lead to each node. */
function reachOf(
  nodes: readonly GraphNode[],
  starts: ReadonlySet<TopicInput>,
): ReadonlyMap<number, ReadonlySet<TopicInput>> {
  const reach = new Map<number, Set<TopicInput>>()
  for (const node of nodes) {
    const isStart = (node.type === 'topic-source' || node.type === 'repartition') && starts.has(node)
    const inputs = new Set<TopicInput>(isStart && !isGlobal(node) ? [node] : [])
    const before = isStart ? [] : inputsOf(node)
    for (const port of before) for (const input of reach.get(port.node) ?? []) inputs.add(input)
    reach.set(node.id, inputs)
  }
  return reach
}

function isGlobal(input: TopicInput): boolean {
  return input.type === 'topic-source' && input.global
}
