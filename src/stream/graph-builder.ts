import { RivuletError } from '../errors.ts'
import type { StoreSpec } from '../state/store.ts'
import type { GraphNode, Port } from './graph.ts'

/** What a node is without what the graph itself gives to it. */
export type NodeSpec<N extends GraphNode> = N extends GraphNode
  ? Omit<N, 'id' | 'name'> & { readonly name?: string }
  : never

/** The graph while it is being declared: gives ids, and names that are unique. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = []
  readonly #names = new Map<string, GraphNode>()
  readonly #stores = new Map<string, StoreSpec>()
  readonly #replayable = new Set<number>()

  add<N extends GraphNode>(spec: NodeSpec<N>): Port
  add(spec: NodeSpec<GraphNode>): Port {
    const name = spec.name === undefined ? this.freeName(spec.kind) : spec.name
    const taken = this.#names.get(name)
    if (name.trim() === '' || taken) {
      throw new RivuletError(
        'BAD_TOPOLOGY',
        taken
          ? `the name "${name}" is given to two steps (${taken.kind} and ${spec.kind})`
          : 'a step needs a name that is not empty',
        { place: { step: name } },
      )
    }
    const node = { ...spec, name, id: this.nodes.length }
    if (node.type === 'operator') for (const store of node.stores) this.#register(store)
    this.#names.set(name, node)
    this.nodes.push(node)
    if (this.#replays(node)) this.#replayable.add(node.id)
    return { node: node.id, port: 'main' }
  }

  /** Gives a step that is declared already one more store: a table keeps its rows once somebody looks them up. */
  addStore({ node }: Port, store: StoreSpec): void {
    const at = this.nodes[node]
    if (at?.type !== 'operator') throw new RivuletError('INTERNAL', `node ${node} can't have a store`)
    this.#register(store)
    this.nodes[node] = { ...at, stores: [...at.stores, store] }
  }

  #register(store: StoreSpec): void {
    const taken = this.#stores.get(store.name)
    if (taken && taken !== store) {
      throw new RivuletError('BAD_TOPOLOGY', `two stores are named "${store.name}"`, {
        place: { step: store.name },
      })
    }
    this.#stores.set(store.name, store)
  }

  /** Whether the port is a stateless view of topics: read again, they give the same again. */
  isReplayable({ node, port }: Port): boolean {
    return this.#replayable.has(node) && (port === 'main' || this.nodes[node]?.type !== 'operator')
  }

  #replays(node: GraphNode): boolean {
    if (node.type === 'operator')
      return node.stateless && node.inputs.every((input) => this.isReplayable(input))
    return node.type === 'topic-source' || node.type === 'repartition'
  }

  /** `filter`, then `filter-2`, …: in order of declaration, so the same program gives the same names. */
  freeName(kind: string): string {
    let name = kind
    for (let n = 2; this.#names.has(name); n++) name = `${kind}-${n}`
    return name
  }
}
