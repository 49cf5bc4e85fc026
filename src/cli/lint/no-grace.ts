import type { Rule } from './rule.ts'

export const noGrace: Rule = {
  name: 'no-grace',
  level: 'warning',
  find: ({ nodes }) =>
    nodes.flatMap((node) => {
      if (node.type !== 'operator' || !node.windows) return []
      if (node.windows.kind === 'join' || node.windows.graceMs > 0) return []
      return {
        step: node.name,
        what: 'its windows close without grace',
        why: 'a record that comes behind a later one of the next window is late: it is counted, and left out',
        mend: 'say how late records may come, as { graceMs }; 0 is right where they come in order',
      }
    }),
}
