import type { GraphNode } from './graph.ts'

/** Union-find over the nodes; a repartition topic has two ends, in two groups. */
export class NodeGroups {
  readonly #parents: number[]
  readonly #nodes: readonly GraphNode[]

  constructor(nodes: readonly GraphNode[]) {
    this.#nodes = nodes
    this.#parents = Array.from({ length: nodes.length * 2 }, (_, i) => i)
  }

  /** The end where records come in. */
  in(node: number): number {
    return node
  }

  /** The end where they come out: another one for a repartition topic only. */
  out(node: number): number {
    return this.#nodes[node]?.type === 'repartition' ? this.#nodes.length + node : node
  }

  /** The same for all ends of a group. */
  root(end: number): number {
    let at = end
    while (this.#parents[at] !== at) at = this.#parents[at] as number
    return at
  }

  join(a: number, b: number): void {
    const [x, y] = [this.root(a), this.root(b)]
    this.#parents[Math.max(x, y)] = Math.min(x, y)
  }
}
