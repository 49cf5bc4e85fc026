import type { Rule } from './rule.ts'

export const unboundedSuppress: Rule = {
  name: 'unbounded-suppress',
  level: 'warning',
  find: ({ nodes }) =>
    nodes.flatMap((node) => {
      if (node.type !== 'operator' || node.kind !== 'suppress' || node.bounds) return []
      return {
        step: node.name,
        what: 'it holds back whatever comes',
        why: 'its buffer is in memory, and grows with the number of keys',
        mend: 'give it bounds, as the last argument; none are needed where the keys are few',
      }
    }),
}
