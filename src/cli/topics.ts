import { type TopicUse, topicsOf } from '../runtime/topics-of.ts'
import type { Io } from './io.ts'
import { topologiesIn, topologyIn } from './load-topologies.ts'

export const topicsFormats = ['text', 'json'] as const
export type TopicsFormat = (typeof topicsFormats)[number]

/** Prints the topics of one topology, or of all, each once. */
export async function listTopics(
  file: string,
  { format, name }: { readonly format: TopicsFormat; readonly name?: string },
  io: Io,
): Promise<number> {
  const topologies = name === undefined ? await topologiesIn(file) : [await topologyIn(file, name)]
  const topics = new Map<string, TopicUse>()
  for (const topology of topologies) {
    for (const topic of await topicsOf(topology)) if (!topics.has(topic.name)) topics.set(topic.name, topic)
  }
  const all = [...topics.values()]
  io.out(format === 'json' ? `${JSON.stringify(all, null, 2)}\n` : asText(all))
  return 0
}

function asText(topics: readonly TopicUse[]): string {
  const rows = topics.map(({ name, purpose, partitions, config }) => [
    name,
    purpose,
    `${partitions} partition${partitions === 1 ? '' : 's'}`,
    Object.entries(config)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ])
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(width(i)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
