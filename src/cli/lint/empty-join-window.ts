import type { Rule } from './rule.ts'

export const emptyJoinWindow: Rule = {
  name: 'empty-join-window',
  level: 'error',
  find: ({ nodes }) =>
    nodes.flatMap((node) => {
      if (node.type !== 'operator' || node.windows?.kind !== 'join') return []
      const { beforeMs, afterMs, graceMs } = node.windows
      if (beforeMs + afterMs + graceMs > 0) return []
      return {
        step: node.name,
        what: 'its window is 0 ms long, without grace',
        why: 'records are kept for before + after + grace, so none ever finds another',
        mend: 'give within() a span or a graceMs',
      }
    }),
}
