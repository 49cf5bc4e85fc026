import { RivuletError } from '../errors.ts'
import {
  type ExternalSinkNode,
  type ExternalSourceNode,
  type GraphNode,
  inputsOf,
  isChooser,
  type RepartitionNode,
  type TopicSourceNode,
} from './graph.ts'
import { NodeGroups } from './node-groups.ts'
import type { Topology } from './topology.ts'

/** Where records come into a sub-topology from a topic. */
export type TopicInput = TopicSourceNode | RepartitionNode

interface SubTopologyBase {
  /** Position among the topology's sub-topologies. */
  readonly id: number
  /** In order of declaration. A repartition topic stands in two: it ends the one and begins the other. */
  readonly nodes: readonly GraphNode[]
  /** Whether each record must go through alone, because paths meet again or read what the same task writes. */
  readonly perRecord: boolean
}

/** Kafka to Kafka: one task for each partition of its inputs. */
export interface StreamSubTopology extends SubTopologyBase {
  readonly kind: 'stream'
  readonly inputs: readonly TopicInput[]
}

/** Kafka to an external system, which knows itself how far it has come. */
export interface SinkSubTopology extends SubTopologyBase {
  readonly kind: 'sink'
  readonly inputs: readonly TopicInput[]
  readonly sink: ExternalSinkNode
}

/** From an observable to Kafka: one task, without partitions. */
export interface SourceSubTopology extends SubTopologyBase {
  readonly kind: 'source'
  readonly source: ExternalSourceNode
}

/** Whole topics, kept by every instance for all of its tasks. */
export interface GlobalSubTopology extends SubTopologyBase {
  readonly kind: 'global'
  readonly inputs: readonly TopicInput[]
}

export type SubTopology = StreamSubTopology | SinkSubTopology | SourceSubTopology | GlobalSubTopology

/**
 * Cuts a topology where records go through a topic of its own: what is left connected, by arrows or by a store that is
 * shared, must run in one task. Each external sink becomes a sub-topology too, with the stateless steps before it, so
 * that it goes at its own pace and from its own place. Source: Kafka Streams' sub-topologies.
 */
export function subTopologiesOf({ nodes }: Topology): readonly SubTopology[] {
  const groups = new NodeGroups(nodes)
  const needed = neededOf(nodes)
  const stores = new Map<object, number>()
  for (const node of needed) {
    for (const input of inputsOf(node)) groups.join(groups.out(input.node), groups.in(node.id))
    if (node.type !== 'operator') continue
    for (const store of node.stores) {
      const other = stores.get(store)
      if (other !== undefined) groups.join(other, node.id)
      stores.set(store, node.id)
    }
  }
  const members = new Map<number, GraphNode[]>()
  for (const node of needed) {
    for (const root of new Set([groups.root(groups.in(node.id)), groups.root(groups.out(node.id))])) {
      members.set(root, [...(members.get(root) ?? []), node])
    }
  }
  // An input that only sinks read is theirs; alone it is nothing to run.
  const worked = [...members].filter(([root, group]) => group.some((node) => !isInputOf(root, node, groups)))
  const streams = worked.map(([root, group], id) => streamOrSource(id, root, group, groups))
  const sinks = nodes
    .filter((node) => node.type === 'external-sink')
    .map((sink, i) => sinkSubTopology(streams.length + i, sink, nodes))
  checkOneWriter(sinks)
  return [...streams, ...sinks]
}

/** All but the nodes that lead to nothing but external sinks: those run in the sinks' own tasks. */
function neededOf(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const feeding = new Set<number>()
  const feedingNeeded = new Set<number>()
  // From the last node back: whatever a node feeds has been looked at before it.
  const needed = nodes.toReversed().filter((node) => {
    const isEnd = node.type !== 'external-sink' && !feeding.has(node.id)
    const isKept = node.type === 'repartition' || (node.type === 'operator' && node.stores.length > 0)
    const isNeeded = isEnd || isKept || feedingNeeded.has(node.id)
    for (const input of inputsOf(node)) {
      feeding.add(input.node)
      if (isNeeded) feedingNeeded.add(input.node)
    }
    return isNeeded
  })
  return needed.reverse()
}

function isInputOf(root: number, node: GraphNode, groups: NodeGroups): node is TopicInput {
  if (node.type === 'repartition') return groups.root(groups.out(node.id)) === root
  return node.type === 'topic-source'
}

function streamOrSource(
  id: number,
  root: number,
  group: readonly GraphNode[],
  groups: NodeGroups,
): SubTopology {
  const external = group.filter((node) => node.type === 'external-source')
  const inputs = group.filter((node) => isInputOf(root, node, groups))
  const base = { id, nodes: group, perRecord: mustGoAlone(group, inputs) }
  const [source] = external
  if (!source) {
    const isGlobal =
      inputs.length > 0 && inputs.every((input) => input.type === 'topic-source' && input.global)
    return { ...base, kind: isGlobal ? 'global' : 'stream', inputs }
  }
  const state = group.find(
    (node) =>
      (node.type === 'operator' && node.stores.length > 0) || (node.type === 'repartition' && node.call),
  )
  if (external.length > 1 || inputs.length > 0 || state) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `the source "${source.name}" has no partitions yet: send it to a topic before ${state ? `"${state.name}"` : 'it meets other inputs'}`,
      { place: { step: source.name } },
    )
  }
  return { ...base, kind: 'source', source }
}

function sinkSubTopology(id: number, sink: ExternalSinkNode, nodes: readonly GraphNode[]): SinkSubTopology {
  const group = new Set<GraphNode>()
  const inputs: TopicInput[] = []
  const visit = (node: GraphNode) => {
    if (group.has(node)) return
    group.add(node)
    if (node.type === 'topic-source' || node.type === 'repartition') inputs.push(node)
    else for (const input of inputsOf(node)) visit(nodes[input.node] as GraphNode)
  }
  visit(sink)
  const ordered = [...group].sort((a, b) => a.id - b.id)
  return { id, kind: 'sink', sink, nodes: ordered, inputs, perRecord: mustGoAlone(ordered, inputs) }
}

/** A sink knows its place by topic and partition: of two steps that bring it one topic, each would skip the other's. */
function checkOneWriter(sinks: readonly SinkSubTopology[]): void {
  const writers = new Map<string, SinkSubTopology>()
  for (const sub of sinks) {
    for (const input of sub.inputs) {
      const place = `${sub.sink.sink.name} from ${input.name}`
      const other = writers.get(place)
      if (other) {
        throw new RivuletError(
          'BAD_TOPOLOGY',
          `"${other.sink.name}" and "${sub.sink.name}" both write into ${sub.sink.sink.name} from "${input.name}": merge the streams, or write into two tables`,
          { place: { step: sub.sink.name } },
        )
      }
      writers.set(place, sub)
    }
  }
}

/** Paths that part and meet again, in a node, a topic or a store, and inputs that are read together. */
function mustGoAlone(group: readonly GraphNode[], inputs: readonly TopicInput[]): boolean {
  const starts = new Set<GraphNode>(inputs)
  const reached = new Map<number, ReadonlySet<unknown>[]>()
  // From the last node back: what each child leads to. Two children that lead to the same meet again.
  for (const node of [...group].reverse()) {
    const behind = reached.get(node.id) ?? []
    if (overlap(behind)) return true
    const isEnd = node.type === 'repartition' && !starts.has(node)
    const leadsTo = new Set<unknown>(isEnd ? [] : behind.flatMap((set) => [...set]))
    for (const effect of effectsOf(node)) leadsTo.add(effect)
    for (const input of inputsOf(node)) reached.set(input.node, [...(reached.get(input.node) ?? []), leadsTo])
  }
  const stores = group.flatMap((node) => (node.type === 'operator' ? node.stores : []))
  return new Set(stores).size < stores.length
}

function overlap(sets: readonly ReadonlySet<unknown>[]): boolean {
  const seen = new Set<unknown>()
  for (const set of sets) {
    for (const item of set) {
      if (seen.has(item)) return true
      seen.add(item)
    }
  }
  return false
}

function effectsOf(node: GraphNode): readonly unknown[] {
  if (node.type === 'topic-sink') return [isChooser(node.topic) ? 'any topic' : `topic ${node.topic.name}`]
  return node.type === 'operator' ? [node.id, ...node.stores] : [node.id]
}
