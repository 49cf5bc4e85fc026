import type { Rule } from './rule.ts'

export const uncompactedTable: Rule = {
  name: 'uncompacted-table',
  level: 'warning',
  find: ({ nodes }) =>
    nodes.flatMap((node) => {
      if (node.type !== 'topic-source' || !node.tombstones) return []
      const { 'cleanup.policy': policy = 'delete', 'retention.ms': retentionMs } = node.topic.config
      if (policy.includes('compact')) return []
      return {
        step: node.name,
        what: `the topic "${node.topic.name}" is read as a table, and is not compacted where the program makes it`,
        why:
          retentionMs === '-1'
            ? 'it keeps each update of each row for ever'
            : `a row that is not updated for ${retentionMs} ms is lost`,
        mend: "declare it with config: { 'cleanup.policy': 'compact' }",
      }
    }),
}
