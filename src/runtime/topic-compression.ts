import type { Compression } from '../compression/compression.ts'
import { isChooser } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import type { Settings } from './environment.ts'
import type { Layout } from './layout.ts'

/** How what goes to each topic is compressed, by its real name. */
export function topicCompression(
  { nodes }: Topology,
  { topicName, ownTopicName }: Pick<Layout, 'topicName' | 'ownTopicName'>,
  { compression, internalCompression }: Pick<Settings, 'compression' | 'internalCompression'>,
): (topic: string) => Compression {
  const declared = new Map<string, Compression>()
  for (const node of nodes) {
    const topic =
      node.type === 'external-source' ? node.deadLetters : 'topic' in node ? node.topic : undefined
    if (topic && !isChooser(topic)) declared.set(topicName(topic.name), topic.compression ?? compression)
  }
  const own = ownTopicName('')
  return (topic) => declared.get(topic) ?? (topic.startsWith(own) ? internalCompression : compression)
}
