import type { RepartitionNode } from '../../stream/graph.ts'
import type { Rule } from './rule.ts'

export const repeatedRepartition: Rule = {
  name: 'repeated-repartition',
  level: 'warning',
  find({ nodes }) {
    const byInput = new Map<string, RepartitionNode[]>()
    for (const node of nodes) {
      if (node.type !== 'repartition' || node.kind !== 'repartition') continue
      const from = `${nodes[node.input.node]?.name} ${node.input.port}`
      byInput.set(from, [...(byInput.get(from) ?? []), node])
    }
    return [...byInput.values()]
      .filter((repartitions) => repartitions.length > 1)
      .map((repartitions) => ({
        step: nodes[repartitions[0]?.input.node ?? 0]?.name ?? '',
        what: `the same records go through ${repartitions.map(({ topicName }) => `"${topicName}"`).join(' and ')}`,
        why: 'each of these topics has all of them',
        mend: 'put one repartition() before the steps that need it',
      }))
  },
}
