import { RivuletError } from '../errors.ts'
import type { KafkaAdmin, TopicToEnsure } from '../kafka/types.ts'
import type { Serde } from '../serdes/serde.ts'
import type { StoreSpec } from '../state/store.ts'
import { checkCoPartitioning, coPartitioned } from '../stream/co-partitioning.ts'
import { isChooser, type OperatorNode } from '../stream/graph.ts'
import { type SubTopology, subTopologiesOf, type TopicInput } from '../stream/sub-topologies.ts'
import { asTopicName, changelogOf, deadLetterTopicOf, positionTopicOf } from '../stream/topic-name.ts'
import type { Topology } from '../stream/topology.ts'
import { type MatchedTopics, matchedTopics, unmatchedPatterns } from './matched-topics.ts'

/** A topic as a sub-topology reads it. */
export interface InputLayout {
  readonly node: TopicInput
  /** Its real name. */
  readonly topic: string
  /** What its tasks are named after: the topic, or the step whose pattern has found it. */
  readonly taskName: string
  readonly partitions: number
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Null values are deletions, not faults. */
  readonly tombstones: boolean
  /** Whether the application itself wrote it. */
  readonly internal: boolean
}

export interface StoreLayout {
  readonly spec: StoreSpec
  /** The topic that holds its truth: a changelog of its own, or the topic that a global table is read from. */
  readonly topic: string
  readonly isChangelog: boolean
}

export interface SubTopologyLayout {
  readonly subTopology: SubTopology
  readonly inputs: readonly InputLayout[]
  readonly stores: readonly StoreLayout[]
  /** How many tasks: the largest number of partitions of its inputs. */
  readonly tasks: number
}

/** Whether it runs as tasks, one for each partition. */
export function isTaskLayout({ subTopology }: SubTopologyLayout): boolean {
  return subTopology.kind === 'stream' || subTopology.kind === 'sink'
}

/** Where a topology's parts lie on a Kafka cluster. */
export interface Layout {
  /** Consumer group, and prefix of the topics of its own. */
  readonly application: string
  readonly subTopologies: readonly SubTopologyLayout[]
  /** Every topic that is known beforehand, by its real name. */
  readonly partitionCounts: ReadonlyMap<string, number>
  /** A topic's real name. */
  topicName(name: string): string
  /** The real name of a topic of the application's own. */
  ownTopicName(name: string): string
}

/**
 * Makes the topics that are missing and says where everything is. Repartition topics get as many partitions as what
 * they are joined with, else as the inputs of the sub-topology that writes them. Throws `BAD_TOPOLOGY` where topics
 * that must be partitioned alike are not.
 */
export async function layOut(
  topology: Topology,
  topicPrefix: string,
  admin: Pick<KafkaAdmin, 'ensureTopics' | 'topicNames' | 'partitionCounts'>,
): Promise<Layout> {
  const matched = await matchedTopics(topology, topicPrefix, admin)
  const names = namesOf(topology, topicPrefix, matched)
  const counts = new Map(await admin.ensureTopics(usersTopics(topology, names)))
  const found = [...matched.values()].flat().map(names.topicName)
  if (found.length > 0)
    for (const [name, count] of await admin.partitionCounts(found)) counts.set(name, count)
  const missing = repartitionTopics(topology, names, counts)
  for (const [name, count] of await admin.ensureTopics(missing)) counts.set(name, count)
  await admin.ensureTopics(positionTopics(topology, names))
  const layout = layoutOf(topology, names, counts)
  await makeChangelogs(layout, admin)
  return layout
}

/** The same where there is no cluster: each topic has the partitions that it is declared with, or all of them so many. */
export function layOutAsDeclared(topology: Topology, partitions?: number): Layout {
  const matched = unmatchedPatterns(topology)
  const names = namesOf(topology, '', matched)
  const counts = new Map(
    usersTopics(topology, names).map((topic) => [topic.name, partitions ?? topic.partitions]),
  )
  for (const pattern of [...matched.values()].flat()) counts.set(pattern, partitions ?? 1)
  for (const missing of repartitionTopics(topology, names, counts))
    counts.set(missing.name, missing.partitions)
  return layoutOf(topology, names, counts)
}

interface Names extends Pick<Layout, 'application' | 'topicName' | 'ownTopicName'> {
  readonly matched: MatchedTopics
  /** The real names of what is read. */
  inputTopics(input: TopicInput): readonly string[]
}

function namesOf(topology: Topology, topicPrefix: string, matched: MatchedTopics): Names {
  const application = `${topicPrefix}${topology.name}`
  return {
    application,
    matched,
    topicName: (name) => `${topicPrefix}${name}`,
    ownTopicName: (name) => `${application}-${name}`,
    inputTopics: (input) => {
      if (input.type === 'repartition') return [`${application}-${input.topicName}`]
      const names = input.pattern ? (matched.get(input) ?? []) : [input.topic.name]
      return names.map((name) => `${topicPrefix}${name}`)
    },
  }
}

function layoutOf(topology: Topology, names: Names, counts: ReadonlyMap<string, number>): Layout {
  const subTopologies = subTopologiesOf(topology)
  checkCoPartitioning(subTopologies, (input) =>
    names.inputTopics(input).map((topic) => ({ topic, partitions: counts.get(topic) })),
  )
  const layouts = subTopologies.map((subTopology): SubTopologyLayout => {
    const inputs = inputsOfSubTopology(subTopology).flatMap((node) =>
      names.inputTopics(node).map((topic) => inputOf(node, topic, counts.get(topic) ?? 0)),
    )
    return {
      subTopology,
      inputs,
      stores: storesOf(subTopology, topology, inputs, names.ownTopicName),
      tasks: Math.max(0, ...inputs.map(({ partitions }) => partitions)),
    }
  })
  return { ...names, subTopologies: layouts, partitionCounts: counts }
}

function inputOf(node: TopicInput, topic: string, partitions: number): InputLayout {
  const { key, value } = node.type === 'repartition' ? node : node.topic
  const isSource = node.type === 'topic-source'
  return {
    node,
    topic,
    // No topic's name has such a sign.
    taskName: isSource && node.pattern ? `~${asTopicName(node.name)}` : topic,
    partitions,
    key,
    value,
    tombstones: isSource && node.tombstones,
    internal: !isSource,
  }
}

/** One for each source, with one partition: who has that runs the source. */
function positionTopics({ nodes }: Topology, { ownTopicName }: Names): TopicToEnsure[] {
  return nodes
    .filter((node) => node.type === 'external-source')
    .map(({ name }) => ({
      name: ownTopicName(positionTopicOf(name)),
      partitions: 1,
      config: { 'cleanup.policy': 'compact' },
    }))
}

async function makeChangelogs(
  { subTopologies }: Layout,
  admin: Pick<KafkaAdmin, 'ensureTopics'>,
): Promise<void> {
  const changelogs = subTopologies.flatMap(({ stores, tasks, subTopology }) =>
    subTopology.kind === 'stream' && tasks > 0
      ? stores.filter((store) => store.isChangelog).map((store) => changelogTopic(store, tasks))
      : [],
  )
  for (const [name, count] of await admin.ensureTopics(changelogs)) {
    const wanted = changelogs.find((topic) => topic.name === name)?.partitions ?? count
    if (count < wanted) {
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `the changelog "${name}" has ${count} partitions, but there are ${wanted} tasks now: its inputs have grown, and stored state lies where the old number put it`,
        { place: { topic: name } },
      )
    }
  }
}

function inputsOfSubTopology(subTopology: SubTopology): readonly TopicInput[] {
  return subTopology.kind === 'source' ? [] : subTopology.inputs
}

function usersTopics(topology: Topology, { topicName, matched }: Names): TopicToEnsure[] {
  const topics = new Map<string, TopicToEnsure>()
  const add = (name: string, partitions: number, config: Readonly<Record<string, string>>) => {
    const known = topics.get(name)
    if (!known || known.partitions < partitions)
      topics.set(name, { name: topicName(name), partitions, config })
  }
  const deadLetterConfig = { 'retention.ms': '-1' }
  for (const node of topology.nodes) {
    if (node.type === 'topic-source' && node.pattern) {
      for (const name of matched.get(node) ?? []) add(deadLetterTopicOf(name), 1, deadLetterConfig)
    } else if (node.type === 'topic-source') {
      add(node.topic.name, node.topic.partitions, node.topic.config)
      add(deadLetterTopicOf(node.topic.name), 1, deadLetterConfig)
    }
    if (node.type === 'topic-sink' && !isChooser(node.topic))
      add(node.topic.name, node.topic.partitions, node.topic.config)
    if (node.type === 'external-source' && node.deadLetters)
      add(node.deadLetters.name, node.deadLetters.partitions, node.deadLetters.config)
  }
  return [...topics.values()]
}

function repartitionTopics(
  topology: Topology,
  names: Names,
  counts: ReadonlyMap<string, number>,
): TopicToEnsure[] {
  const subTopologies = subTopologiesOf(topology)
  const known = new Map(counts)
  const missing = new Map<string, TopicToEnsure>()
  const unresolved = new Set(topology.nodes.filter((node) => node.type === 'repartition'))
  const resolve = (node: TopicInput, partitions: number) => {
    const [name = ''] = names.inputTopics(node)
    known.set(name, partitions)
    // Its records are worked off and deleted; until then none may be lost by age.
    missing.set(name, { name, partitions, config: { 'cleanup.policy': 'delete', 'retention.ms': '-1' } })
  }
  const groups = subTopologies.flatMap((subTopology) =>
    coPartitioned(subTopology).map(({ inputs }) => inputs),
  )
  const countsOf = (inputs: Iterable<TopicInput>) =>
    [...inputs].flatMap(names.inputTopics).map((topic) => known.get(topic))
  for (const node of unresolved) {
    if (node.partitions === undefined) continue
    resolve(node, node.partitions)
    unresolved.delete(node)
  }
  for (let progress = true; progress && unresolved.size > 0; ) {
    progress = false
    for (const node of unresolved) {
      const peers = groups.filter((group) => group.has(node)).flatMap((group) => countsOf(group))
      const joined = peers.filter((count) => count !== undefined)
      const writer = subTopologies.find((sub) => sub.nodes.includes(node) && !isInputOf(sub, node))
      const feeding = writer ? countsOf(inputsOfSubTopology(writer)) : []
      const settled = feeding.filter((count) => count !== undefined)
      if (joined.length === 0 && settled.length < feeding.length) continue
      resolve(node, Math.max(1, ...(joined.length > 0 ? joined : settled)))
      unresolved.delete(node)
      progress = true
    }
  }
  for (const node of unresolved) resolve(node, 1)
  return [...missing.values()]
}

function isInputOf(subTopology: SubTopology, node: TopicInput): boolean {
  return inputsOfSubTopology(subTopology).includes(node)
}

function storesOf(
  subTopology: SubTopology,
  topology: Topology,
  inputs: readonly InputLayout[],
  ownTopicName: (name: string) => string,
): StoreLayout[] {
  const layouts = new Map<StoreSpec, StoreLayout>()
  for (const node of subTopology.nodes) {
    if (node.type !== 'operator') continue
    for (const spec of node.stores) {
      if (spec.logged)
        layouts.set(spec, {
          spec,
          topic: ownTopicName(changelogOf(spec.name)),
          isChangelog: true,
        })
      const source = spec.logged ? undefined : tableSource(node, topology, inputs)
      if (source && !layouts.has(spec)) layouts.set(spec, { spec, topic: source.topic, isChangelog: false })
    }
  }
  return [...layouts.values()]
}

/** The topic that a global table is read from: its store needs no changelog of its own. */
function tableSource(
  node: OperatorNode,
  topology: Topology,
  inputs: readonly InputLayout[],
): InputLayout | undefined {
  const [input] = node.inputs
  const before = input && topology.nodes[input.node]
  return inputs.find((layout) => layout.node === before && layout.tombstones)
}

function changelogTopic({ topic, spec }: StoreLayout, tasks: number): TopicToEnsure {
  // Windows are forgotten by event time, which the broker's clock knows nothing of: the runtime deletes them itself,
  // and Kafka lets it only where the policy names `delete`.
  const policy = spec.retentionMs === undefined ? 'compact' : 'compact,delete'
  return { name: topic, partitions: tasks, config: { 'cleanup.policy': policy, 'retention.ms': '-1' } }
}
