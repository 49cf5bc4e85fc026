import { RivuletError } from '../errors.ts'
import { type GraphNode, isChooser } from './graph.ts'
import { changelogOf, checkTopicName } from './topic-name.ts'
import type { Topology } from './topology.ts'

/**
 * Checks what can be known of a topology's topics once all of it is declared. Throws `BAD_TOPOLOGY` where a topic of its
 * own would have a name that Kafka does not take, where one of the user's topics is one of its own, and where a step
 * writes records among a source's dead letters, and where a topic is read by its name and by a pattern.
 */
export function checkTopics({ name, nodes }: Topology): void {
  const own = new Map(
    nodes.flatMap((node) => ownTopicsOf(node).map((topic) => [`${name}-${topic}`, node.name])),
  )
  for (const topic of own.keys()) checkTopicName(topic)
  checkPatterns(nodes)
  const written = new Map<string, string>()
  for (const node of nodes) {
    for (const topic of usersTopicsOf(node)) {
      const owner = own.get(topic)
      if (owner === undefined) continue
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `"${node.name}" names the topic "${topic}", which the application makes for itself behind "${owner}"`,
        { place: { step: node.name, topic } },
      )
    }
    if (node.type === 'topic-sink' && !isChooser(node.topic)) written.set(node.topic.name, node.name)
  }
  for (const node of nodes) {
    if (node.type !== 'external-source' || !node.deadLetters) continue
    const topic = node.deadLetters.name
    const writer = written.get(topic)
    if (writer === undefined) continue
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `"${writer}" writes records into the topic "${topic}", which takes the dead letters of "${node.name}"`,
      { place: { step: node.name, topic } },
    )
  }
}

/** Source: Kafka Streams' `InternalTopologyBuilder.validateTopicNotAlreadyRegistered`. */
function checkPatterns(nodes: readonly GraphNode[]): void {
  const sources = nodes.filter((node) => node.type === 'topic-source')
  for (const { pattern } of sources) {
    const both = sources.find((node) => !node.pattern && pattern?.test(node.topic.name))
    if (!both) continue
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `the topic "${both.topic.name}" is read by its name, and the pattern ${pattern} finds it too: a topic is read once`,
      { place: { step: both.name, topic: both.topic.name } },
    )
  }
}

/** What the application makes for itself behind the node; without the application's prefix. */
export function ownTopicsOf(node: GraphNode): readonly string[] {
  if (node.type === 'repartition') return [node.topicName]
  if (node.type !== 'operator') return []
  return node.stores.filter(({ logged }) => logged).map((store) => changelogOf(store.name))
}

function usersTopicsOf(node: GraphNode): readonly string[] {
  if (node.type === 'topic-source') return node.pattern ? [] : [node.topic.name]
  if (node.type === 'topic-sink') return isChooser(node.topic) ? [] : [node.topic.name]
  return node.type === 'external-source' && node.deadLetters ? [node.deadLetters.name] : []
}
