import { identity } from 'rxjs'
import { untyped } from './builder.ts'
import { type GraphNode, inputsOf, type OperatorNode } from './graph.ts'
import type { GraphBuilder } from './graph-builder.ts'

/**
 * Where nobody but a suppression takes an aggregation's updates, and lets out the last one of each window, the aggregation
 * emits that one itself, out of its own store: nothing is held twice, and written to two changelogs.
 */
export function planFinalResults(graph: GraphBuilder): void {
  for (const node of graph.nodes) {
    if (node.type !== 'operator' || !node.untilWindowCloses || node.bounds) continue
    const aggregation = aggregationBefore(node, graph.nodes)
    if (!aggregation?.final) continue
    graph.replace({ ...aggregation, ...aggregation.final(node.name), expands: true })
    graph.replace({ ...node, stores: [], expands: false, connect: () => [untyped(identity)] })
  }
}

/** The one whose updates nobody else takes. What is behind the suppression must not ask what an update has replaced. */
function aggregationBefore(suppression: OperatorNode, nodes: readonly GraphNode[]): OperatorNode | undefined {
  const [input] = suppression.inputs
  const before = input && nodes[input.node]
  if (before?.type !== 'operator' || takersOf(before, nodes).length > 1) return undefined
  return takersOf(suppression, nodes).every(({ kind }) => kind === 'toStream') ? before : undefined
}

function takersOf({ id }: GraphNode, nodes: readonly GraphNode[]): GraphNode[] {
  return nodes.filter((node) => inputsOf(node).some(({ node: of, port }) => of === id && port === 'main'))
}
