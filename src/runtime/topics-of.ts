import type { TopicToEnsure } from '../kafka/types.ts'
import { isChooser } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import { layOut } from './layout.ts'
import { positionTopicIn } from './source-position.ts'

export type TopicPurpose =
  | 'input'
  | 'output'
  | 'input and output'
  | 'repartition'
  | 'changelog'
  | 'position'
  | 'dead letters'

/** A topic that a topology makes where it is missing. */
export interface TopicUse {
  readonly name: string
  readonly purpose: TopicPurpose
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

/**
 * The topics of a topology as it would make them on an empty cluster, by their real names. Topics that are chosen for each
 * record are not among them: nobody knows them beforehand. Rejects with `BAD_TOPOLOGY` where topics that must be
 * partitioned alike are not.
 */
export async function topicsOf(topology: Topology, topicPrefix = ''): Promise<readonly TopicUse[]> {
  const made: TopicToEnsure[] = []
  const layout = await layOut(topology, topicPrefix, {
    topicNames: async () => [],
    partitionCounts: async () => new Map(),
    async ensureTopics(topics) {
      made.push(...topics)
      return new Map(topics.map(({ name, partitions }) => [name, partitions]))
    },
  })
  const changelogs = layout.subTopologies.flatMap(({ stores }) =>
    stores.filter(({ isChangelog }) => isChangelog).map(({ topic }) => topic),
  )
  const named = (names: readonly string[]) => new Set(names.map(layout.topicName))
  const { nodes } = topology
  const read = named(
    nodes.flatMap((node) => (node.type === 'topic-source' && !node.pattern ? node.topic.name : [])),
  )
  const written = named(
    nodes.flatMap((node) => (node.type === 'topic-sink' && !isChooser(node.topic) ? node.topic.name : [])),
  )
  const repartitions = nodes.flatMap((node) =>
    node.type === 'repartition' ? layout.ownTopicName(node.topicName) : [],
  )
  const positions = nodes.flatMap((node) =>
    node.type === 'external-source' ? positionTopicIn(layout, node.name) : [],
  )
  const purposeOf = (name: string): TopicPurpose => {
    if (changelogs.includes(name)) return 'changelog'
    if (positions.includes(name)) return 'position'
    if (repartitions.includes(name)) return 'repartition'
    if (read.has(name)) return written.has(name) ? 'input and output' : 'input'
    return written.has(name) ? 'output' : 'dead letters'
  }
  return made.map(({ name, partitions, config = {} }) => ({
    name,
    purpose: purposeOf(name),
    partitions,
    config,
  }))
}
