import type { TopicPartitions } from './internals.ts'
import type { TopicPartition } from './types.ts'

/** Grouped by topic, as Kafka's requests want them. */
export function topicPartitions<T extends TopicPartition, P>(
  entries: readonly T[],
  partitionOf: (entry: T) => P,
): TopicPartitions<P>[] {
  const byTopic = new Map<string, P[]>()
  for (const entry of entries) {
    const partitions = byTopic.get(entry.topic)
    if (partitions) partitions.push(partitionOf(entry))
    else byTopic.set(entry.topic, [partitionOf(entry)])
  }
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
}
