import type { SerdeNames } from '../serdes/serde.ts'
import type { StoreSpec, StoreType } from '../state/store.ts'
import { type GraphNode, inputsOf, isChooser } from './graph.ts'
import { type SubTopology, subTopologiesOf } from './sub-topologies.ts'
import type { Topic } from './topic.ts'
import type { Topology } from './topology.ts'

/** A topology as plain data: what runs where, under the names that its author gave. */
export interface TopologyDescription {
  /** The topology's. */
  readonly name: string
  /** In the order of their ids. */
  readonly subTopologies: readonly SubTopologyDescription[]
}

/** Steps that run in one task, with nothing but function calls between them. */
export interface SubTopologyDescription {
  /** From 0 on; part of the names of its tasks. */
  readonly id: number
  /** `source`: from an observable; `stream`: Kafka to Kafka; `sink`: Kafka to an external system; `global`: whole topics. */
  readonly kind: 'stream' | 'sink' | 'source' | 'global'
  /** `chunks`: each step takes whole chunks; `records`: each record goes through alone, for paths meet again. */
  readonly order: 'chunks' | 'records'
  /** In order of declaration. */
  readonly nodes: readonly NodeDescription[]
}

/** One step. */
export interface NodeDescription {
  /** As its author gave it, or as the graph did: `filter-2`. */
  readonly name: string
  /** The DSL's word for it, such as `mapValues`. */
  readonly kind: string
  /** Names of the nodes before it in the same sub-topology; a branch is `name:branch`. */
  readonly inputs: readonly string[]
  /** The topic that it reads or writes. */
  readonly topic?: string
  /** How the records of the topic are written. */
  readonly written?: SerdeNames
  /** What it keeps; a store that several steps share is with each of them. */
  readonly stores: readonly StoreDescription[]
}

/** One store of a step. */
export interface StoreDescription {
  /** Its changelog is `<application>-<name>-changelog`. */
  readonly name: string
  /** What is kept in it, and how it is found. */
  readonly kind: StoreSpec['kind']
  /** How long an entry may be found, ms of event time; absent: for ever. */
  readonly retentionMs?: number
  /** Which windows are in it, in words; absent: they are simply aligned to the epoch, or to the records. */
  readonly windows?: string
  /** Whether it has a changelog topic. */
  readonly logged: boolean
  /** Absent: in memory, or where the environment says. */
  readonly storeType?: StoreType
  /** How its changelog is written; absent: a store of a user's own does not say. */
  readonly written?: SerdeNames
}

/** Kinds of steps whose topic is the application's own. */
export const ownTopics: ReadonlySet<string> = new Set(['repartition', 'foreignKey', 'mapAsync'])

/**
 * Describes a topology in the order in which it was declared.
 *
 * @example
 * ```ts
 * for (const { id, kind, nodes } of describe(app).subTopologies) console.log(id, kind, nodes.length)
 * ```
 */
export function describe(topology: Topology): TopologyDescription {
  const subTopologies = subTopologiesOf(topology).map((sub) => ({
    id: sub.id,
    kind: sub.kind,
    order: sub.perRecord ? ('records' as const) : ('chunks' as const),
    nodes: sub.nodes.map((node) => describeNode(node, sub, topology.nodes)),
  }))
  return { name: topology.name, subTopologies }
}

function describeNode(node: GraphNode, sub: SubTopology, nodes: readonly GraphNode[]): NodeDescription {
  const topic = topicOf(node)
  const written = writtenOf(node)
  return {
    name: node.name,
    kind: node.kind,
    // A repartition topic begins a sub-topology as a source: what fills it is in another one.
    inputs: isInput(node, sub)
      ? []
      : inputsOf(node).map(({ node: id, port }) => `${nodes[id]?.name}${port === 'main' ? '' : `:${port}`}`),
    ...(topic !== undefined && { topic }),
    ...(written && { written }),
    stores: node.type === 'operator' ? node.stores.map(describeStore) : [],
  }
}

function isInput(node: GraphNode, sub: SubTopology): boolean {
  return 'inputs' in sub && sub.inputs.some((input) => input === node)
}

function topicOf(node: GraphNode): string | undefined {
  if (node.type === 'topic-source') return node.topic.name
  if (node.type === 'repartition') return node.topicName
  if (node.type === 'topic-sink') return isChooser(node.topic) ? 'chosen for each record' : node.topic.name
  return undefined
}

function writtenOf(node: GraphNode): SerdeNames | undefined {
  if (node.type === 'repartition') return serdeNames(node)
  return node.type === 'topic-source' || node.type === 'topic-sink' ? serdeNames(node.topic) : undefined
}

function serdeNames({ key, value }: Pick<Topic<unknown, unknown>, 'key' | 'value'>): SerdeNames {
  return { key: key.name, value: value.name }
}

function describeStore({
  name,
  kind,
  retentionMs,
  windows,
  logged,
  storeType,
  written,
}: StoreSpec): StoreDescription {
  return {
    name,
    kind,
    logged,
    ...(retentionMs !== undefined && { retentionMs }),
    ...(windows !== undefined && { windows }),
    ...(storeType === 'disk' && { storeType }),
    ...(written && { written }),
  }
}

/**
 * The description as text for a terminal: one line a node, with an arrow from each of its inputs.
 *
 * @example
 * ```ts
 * process.stdout.write(describeAsText(app))
 * ```
 */
export function describeAsText(topology: Topology): string {
  const { name, subTopologies } = describe(topology)
  const lines = [`Topology ${name}`]
  for (const { id, kind, order, nodes } of subTopologies) {
    lines.push(`  Sub-topology ${id} (${kind}, ${order === 'records' ? 'record by record' : 'in chunks'})`)
    for (const node of nodes) lines.push(`    ${textOf(node)}`)
  }
  return `${lines.join('\n')}\n`
}

function textOf({ name, kind, inputs, topic, written, stores }: NodeDescription): string {
  const parts = [inputs.length > 0 ? `${inputs.join(', ')} → ${name}` : name, `[${kind}]`]
  if (topic !== undefined && !name.includes(topic)) parts.push(`topic ${topic}`)
  // What a topic of the user's holds is said where it is declared; of the application's own it is decided here.
  if (written && ownTopics.has(kind) && inputs.length > 0) parts.push(textOfSerdes(written))
  for (const store of stores) {
    const kept = store.retentionMs === undefined ? '' : `, kept ${store.retentionMs} ms`
    const held = store.written ? `, ${textOfSerdes(store.written)}` : ''
    const windows = store.windows === undefined ? '' : `, ${store.windows}`
    parts.push(
      `store ${store.name} (${store.kind}${windows}${held}${kept}${store.logged ? '' : ', no changelog'})`,
    )
  }
  return parts.join('  ')
}

export function textOfSerdes({ key, value }: SerdeNames): string {
  return `${key} → ${value}`
}

/**
 * The description as a Mermaid flowchart, for a README or a page.
 *
 * @example
 * ```ts
 * writeFileSync('topology.mmd', describeAsMermaid(app))
 * ```
 */
export function describeAsMermaid(topology: Topology): string {
  const { subTopologies } = describe(topology)
  const lines = ['flowchart LR']
  const topics = new Map<string, string>()
  const topicNode = (topic: string) => {
    const known = topics.get(topic) ?? `topic${topics.size}`
    topics.set(topic, known)
    return known
  }
  for (const { id, kind, nodes } of subTopologies) {
    lines.push(`  subgraph sub${id}["${id}: ${kind}"]`)
    const ids = new Map(nodes.map((node, i) => [node.name, `n${id}_${i}`]))
    for (const node of nodes)
      lines.push(`    ${ids.get(node.name)}["${quoted(node.name)}<br/><small>${quoted(node.kind)}</small>"]`)
    for (const node of nodes) {
      for (const input of node.inputs) {
        const [from, branch] = splitPort(input, ids)
        lines.push(`    ${ids.get(from)} -->${branch ? `|${quoted(branch)}|` : ''} ${ids.get(node.name)}`)
      }
    }
    lines.push('  end')
    for (const node of nodes) {
      if (node.topic === undefined) continue
      const [topic, at] = [topicNode(node.topic), ids.get(node.name)]
      lines.push(node.inputs.length === 0 ? `  ${topic} --> ${at}` : `  ${at} --> ${topic}`)
    }
  }
  for (const [topic, id] of topics) lines.push(`  ${id}[("${quoted(topic)}")]`)
  return `${lines.join('\n')}\n`
}

function splitPort(
  input: string,
  ids: ReadonlyMap<string, string>,
): [node: string, branch: string | undefined] {
  if (ids.has(input)) return [input, undefined]
  const colon = input.lastIndexOf(':')
  return [input.slice(0, colon), input.slice(colon + 1)]
}

function quoted(text: string): string {
  return text.replaceAll('"', '#quot;')
}
