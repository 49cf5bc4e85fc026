import { RivuletError } from '../errors.ts'
import type { KafkaAdmin } from '../kafka/types.ts'
import { ownTopicsOf } from '../stream/check-topics.ts'
import type { TopicSourceNode } from '../stream/graph.ts'
import type { TopicInput } from '../stream/sub-topologies.ts'
import { deadLetterTopicOf, positionTopicOf } from '../stream/topic-name.ts'
import type { Topology } from '../stream/topology.ts'

type PatternNode = TopicSourceNode & { readonly pattern: RegExp }

/** The topics that each pattern of a topology stands for, without the environment's prefix, in order. */
export type MatchedTopics = ReadonlyMap<TopicInput, readonly string[]>

const deadLettersSuffix = deadLetterTopicOf('')

/**
 * Asks Kafka which topics the patterns find. Throws `BAD_TOPOLOGY` for a topic that two of them find. Source: Kafka Streams'
 * `InternalTopologyBuilder.SubscriptionUpdates`.
 */
export async function matchedTopics(
  topology: Topology,
  topicPrefix: string,
  admin: Pick<KafkaAdmin, 'topicNames'>,
): Promise<MatchedTopics> {
  const patterns = patternsOf(topology)
  const matched = new Map<TopicInput, readonly string[]>()
  if (patterns.length === 0) return matched
  const all = await admin.topicNames()
  const names = all
    .filter((name) => name.startsWith(topicPrefix))
    .map((name) => name.slice(topicPrefix.length))
  const others = notRead(topology)
  for (const name of names.toSorted()) {
    const finders = patterns.filter(({ pattern }) => pattern.test(name) && !isLetters(name, pattern))
    const [first, second] = finders
    if (!first || others.has(name)) continue
    if (second) {
      const message = `the topic "${name}" is found by two patterns, ${first.pattern} and ${second.pattern}: a topic is read once`
      throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: second.name, topic: name } })
    }
    matched.set(first, [...(matched.get(first) ?? []), name])
  }
  return matched
}

/** Where there is no cluster, each pattern stands for itself. */
export function unmatchedPatterns(topology: Topology): MatchedTopics {
  return new Map(patternsOf(topology).map((node) => [node, [node.topic.name]]))
}

function patternsOf({ nodes }: Topology): readonly PatternNode[] {
  return nodes.filter(
    (node): node is PatternNode => node.type === 'topic-source' && node.pattern !== undefined,
  )
}

/** The dead letters of a topic that the pattern finds: who read them would write dead letters of dead letters. */
function isLetters(name: string, pattern: RegExp): boolean {
  return name.endsWith(deadLettersSuffix) && pattern.test(name.slice(0, -deadLettersSuffix.length))
}

/** What the application writes for itself. */
function notRead({ name, nodes }: Topology): ReadonlySet<string> {
  return new Set(
    nodes.flatMap((node) => {
      const own = ownTopicsOf(node).map((topic) => `${name}-${topic}`)
      if (node.type === 'topic-source') return [...own, deadLetterTopicOf(node.topic.name)]
      if (node.type !== 'external-source') return own
      const letters = node.deadLetters ? [node.deadLetters.name] : []
      return [...letters, `${name}-${positionTopicOf(node.name)}`]
    }),
  )
}
