import { RivuletError } from '../errors.ts'
import type { StoreSpec } from '../state/store.ts'
import type { GraphNode, OperatorNode, Port, RepartitionNode, TopicSourceNode } from './graph.ts'
import { asTopicName, nameCharactersMax } from './topic-name.ts'

/** What a node is without what the graph itself gives to it. */
export type NodeSpec<N extends GraphNode> = N extends GraphNode
  ? Omit<N, 'id' | 'name'> & { readonly name?: string }
  : never

/** The graph while it is being declared: gives ids, and names that are unique. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = []
  readonly #names = new Map<string, GraphNode>()
  /** Named after the topic that they read, as long as no step wants that name. */
  readonly #namedAfterTopic = new Set<number>()
  readonly #stores = new Map<string, StoreSpec>()
  /** Steps by the topics of the application's own that they write through. */
  readonly #ownTopics = new Map<string, string>()
  readonly #replayable = new Set<number>()

  add<N extends GraphNode>(spec: NodeSpec<N>): Port
  add(spec: NodeSpec<GraphNode>): Port {
    const node = { ...spec, name: this.#nameOf(spec), id: this.nodes.length }
    if (node.type === 'operator') for (const store of node.stores) this.#register(store, node.name)
    if (node.type === 'repartition') this.#claimTopic(node)
    this.#names.set(node.name, node)
    this.nodes.push(node)
    if (this.#replays(node)) this.#replayable.add(node.id)
    return { node: node.id, port: 'main' }
  }

  /** Gives a step that is declared already one more store: a table keeps its rows once somebody looks them up. */
  addStore({ node }: Port, store: StoreSpec): void {
    const at = this.nodes[node]
    if (at?.type !== 'operator') throw new RivuletError('INTERNAL', `node ${node} can't have a store`)
    this.#register(store, at.name)
    this.nodes[node] = { ...at, stores: [...at.stores, store] }
  }

  /** Puts another step in the place of the one with its id. */
  replace(node: OperatorNode): void {
    for (const store of node.stores) this.#register(store, node.name)
    this.nodes[node.id] = node
  }

  /** Whether the port is a stateless view of topics: read again, they give the same again. */
  isReplayable({ node, port }: Port): boolean {
    return this.#replayable.has(node) && (port === 'main' || this.nodes[node]?.type !== 'operator')
  }

  /** `filter`, then `filter-2`, …: in order of declaration, so the same program gives the same names. */
  freeName(kind: string): string {
    // A topic's name alone may be as long as a step's; there is room for a number behind it.
    const base = kind.slice(0, nameCharactersMax - 8)
    let name = base
    for (let n = 2; this.#names.has(name); n++) name = `${base}-${n}`
    return name
  }

  #nameOf(spec: NodeSpec<GraphNode>): string {
    if (spec.name === undefined)
      return spec.type === 'topic-source' ? this.#nameAfter(spec) : this.freeName(spec.kind)
    const { name } = spec
    checkName(name)
    const taken = this.#names.get(name)
    if (taken?.type === 'topic-source' && this.#namedAfterTopic.delete(taken.id)) this.#giveWay(taken)
    else if (taken) {
      const message = `two steps are named "${name}" (${taken.kind} and ${spec.kind}); one without a name is named after its kind`
      throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: name } })
    }
    return name
  }

  /** A topic is no step: a step may be named as the topic that it reads. */
  #nameAfter({ topic }: Pick<TopicSourceNode, 'topic'>): string {
    if (this.#names.has(topic.name)) return this.freeName(`topic ${topic.name}`)
    this.#namedAfterTopic.add(this.nodes.length)
    return topic.name
  }

  #giveWay(source: TopicSourceNode): void {
    const renamed = { ...source, name: this.freeName(`topic ${source.topic.name}`) }
    this.nodes[source.id] = renamed
    this.#names.set(renamed.name, renamed)
  }

  /** Stores are found again by their changelogs, so two whose names make one topic would be one. */
  #register(store: StoreSpec, step: string): void {
    checkName(store.name)
    const topicName = asTopicName(store.name)
    const taken = this.#stores.get(topicName)
    if (taken && taken !== store) {
      const message =
        taken.name === store.name
          ? `two stores are named "${store.name}"`
          : `the stores "${taken.name}" and "${store.name}" would share the changelog "${topicName}-changelog"`
      throw new RivuletError('BAD_TOPOLOGY', message, { place: { step } })
    }
    this.#stores.set(topicName, store)
  }

  #claimTopic({ name, topicName }: Pick<RepartitionNode, 'name' | 'topicName'>): void {
    const taken = this.#ownTopics.get(topicName)
    if (taken !== undefined) {
      const message = `the steps "${taken}" and "${name}" would share the topic "${topicName}"`
      throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: name } })
    }
    this.#ownTopics.set(topicName, name)
  }

  #replays(node: GraphNode): boolean {
    if (node.type === 'operator')
      return node.stateless && node.inputs.every((input) => this.isReplayable(input))
    return node.type === 'topic-source' || node.type === 'repartition'
  }
}

/** Throws `BAD_TOPOLOGY` for what can't name a step or a store. Source: Kafka Streams' `Named.validate`, but for spaces. */
function checkName(name: string): void {
  const isName = typeof name === 'string' && name.trim() !== '' && name !== '.' && name !== '..'
  if (isName && name.length <= nameCharactersMax) return
  const rule = `a name is a text of up to ${nameCharactersMax} characters, not empty, "." or ".."`
  throw new RivuletError('BAD_TOPOLOGY', `${JSON.stringify(name)} can't name a step or a store: ${rule}`, {
    place: { step: String(name) },
  })
}
