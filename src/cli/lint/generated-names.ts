import type { GraphNode } from '../../stream/graph.ts'
import type { Rule } from './rule.ts'

/** Steps without a name of their own, such as `count-2`, after which stores and topics are named. */
export const generatedNames: Rule = {
  name: 'generated-names',
  level: 'warning',
  find({ nodes }) {
    const kinds = new Set(nodes.map(({ kind }) => kind))
    const stored = new Map<string, string[]>()
    for (const node of nodes) {
      for (const { what, name } of storedBy(node)) {
        const step = name.replace(ofStep, '')
        if (!kinds.has(step.replace(/-\d+$/, '')) && step !== 'repartition') continue
        stored.set(step, [...(stored.get(step) ?? []), `${what} "${name}"`])
      }
    }
    return [...stored].map(([step, things]) => ({
      step,
      what: `${[...new Set(things)].join(', ')}: named by its place among the steps`,
      why: 'another step before it gives it another name, and what it has stored is lost',
      mend: "name it, as the step's first argument",
    }))
  },
}

/** What a step adds to its name where it has several stores or topics. */
const ofStep =
  /-(left|right|unmatched|buffer|subscriptions|subscription-registration|subscription-response|repartition|results)$/

function storedBy(node: GraphNode): { readonly what: string; readonly name: string }[] {
  if (node.type === 'repartition') return [{ what: 'the topic', name: node.topicName }]
  if (node.type !== 'operator') return []
  return node.stores.filter(({ logged }) => logged).map(({ name }) => ({ what: 'the store', name }))
}
