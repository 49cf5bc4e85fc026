import type { SerdeNames } from '../serdes/serde.ts'
import {
  describe,
  type NodeDescription,
  ownTopics,
  type StoreDescription,
  type TopologyDescription,
  textOfSerdes,
} from './describe.ts'
import type { Topology } from './topology.ts'

/** One difference between two versions of a topology, and what it means for what the old one has stored. */
export interface TopologyChange {
  /** `breaks`: what is stored can't be used, or would be lost; `moves`: it is read from somewhere else, or in another way; `safe`: neither. */
  readonly effect: 'breaks' | 'moves' | 'safe'
  /** What is different, in a sentence. */
  readonly what: string
  /** What it means, and what to do. */
  readonly why: string
}

/**
 * Says which changes between two versions break stored state: stores, their changelogs, repartition topics, and the
 * group's offsets hang on names. The worst come first. Takes topologies, or descriptions that were saved as JSON.
 *
 * @example
 * ```ts
 * const saved: TopologyDescription = JSON.parse(readFileSync('released.json', 'utf8'))
 * for (const { effect, what, why } of diffTopologies(saved, app)) console.log(`${effect}: ${what} (${why})`)
 * ```
 */
export function diffTopologies(
  before: Topology | TopologyDescription,
  after: Topology | TopologyDescription,
): readonly TopologyChange[] {
  const [old, now] = [descriptionOf(before), descriptionOf(after)]
  const changes: TopologyChange[] = []
  if (old.name !== now.name) {
    changes.push({
      effect: 'breaks',
      what: `the topology "${old.name}" is now "${now.name}"`,
      why: 'its consumer group, changelogs and repartition topics are named after it: it begins anew',
    })
  }
  changes.push(...diffStores(storesOf(old), storesOf(now), finalStoresOf(old)))
  changes.push(...diffTopics(old, now))
  changes.push(...diffTopicSerdes(old, now))
  changes.push(...diffNodes(old, now))
  const rank = { breaks: 0, moves: 1, safe: 2 }
  return changes.toSorted((a, b) => rank[a.effect] - rank[b.effect])
}

function descriptionOf(topology: Topology | TopologyDescription): TopologyDescription {
  return 'nodes' in topology ? describe(topology) : topology
}

function storesOf({ subTopologies }: TopologyDescription): ReadonlyMap<string, StoreDescription> {
  return new Map(
    subTopologies.flatMap(({ nodes }) =>
      nodes.flatMap((node) => node.stores.map((store) => [store.name, store] as const)),
    ),
  )
}

/** Of windows that go out once, each by its aggregation: their changelogs hear of none that is out. */
function finalStoresOf({ subTopologies }: TopologyDescription): ReadonlySet<string> {
  const isFinal = ({ stores }: NodeDescription) =>
    stores.some(({ kind, name }) => kind === 'key-value' && name.endsWith('-headers'))
  const final = subTopologies.flatMap(({ nodes }) => nodes.filter(isFinal))
  return new Set(
    final.flatMap(({ stores }) => stores.flatMap(({ kind, name }) => (kind === 'window' ? [name] : []))),
  )
}

function diffStores(
  old: ReadonlyMap<string, StoreDescription>,
  now: ReadonlyMap<string, StoreDescription>,
  final: ReadonlySet<string>,
): TopologyChange[] {
  const changes: TopologyChange[] = []
  for (const [name, before] of old) {
    const after = now.get(name)
    const change = serdeChange(before.written, after?.written)
    const heldBackBy = now.get(`${name}-headers`)
    if (!after && before.kind === 'buffer' && heldBackBy)
      changes.push({
        effect: 'moves',
        what: `the windows that "${name}" holds back wait in their aggregation's own store`,
        why: 'they are emitted from there; headers of those that are open meanwhile are lost, and the version before must not run again on what this one leaves',
      })
    else if (!after)
      changes.push({
        effect: 'breaks',
        what: `the store "${name}" is gone`,
        why: 'its changelog is left behind; a store that was only renamed begins empty: keep the name with { store }',
      })
    else if (after.kind !== before.kind)
      changes.push({
        effect: 'breaks',
        what: `the store "${name}" was ${before.kind} and is ${after.kind}`,
        why: 'its changelog can not be read as the other kind: give it a new name, or reset the application',
      })
    else if (change !== undefined)
      changes.push({
        effect: 'breaks',
        what: `the store "${name}" ${change}`,
        why: 'its changelog is not read with other serdes: give it a new name, or reset the application',
      })
    else if (after.windows !== before.windows)
      changes.push({
        effect: 'breaks',
        what: `the windows of the store "${name}" were ${windowsOf(before)} and are ${windowsOf(after)}`,
        why: 'what it has counted is of other windows: give it a new name, or reset the application',
      })
    else if ((after.retentionMs ?? Infinity) < (before.retentionMs ?? Infinity))
      changes.push({
        effect: 'breaks',
        what: `the store "${name}" keeps ${after.retentionMs} ms instead of ${before.retentionMs ?? 'everything'}`,
        why: 'what is older is forgotten at the next start',
      })
    else if (after.retentionMs !== before.retentionMs && final.has(name))
      changes.push({
        effect: 'breaks',
        what: `the store "${name}" keeps ${after.retentionMs ?? 'everything'} instead of ${before.retentionMs} ms`,
        why: 'its changelog has not all that was counted of windows that are out, and with a longer grace they go out again: give it a new name, or reset the application',
      })
    else if (after.retentionMs !== before.retentionMs)
      changes.push({
        effect: 'safe',
        what: `the store "${name}" keeps ${after.retentionMs ?? 'everything'} instead of ${before.retentionMs} ms`,
        why: 'what it has forgotten does not come back; the changelog topic keeps its own retention',
      })
    else if (after.storeType !== before.storeType)
      changes.push({
        effect: 'moves',
        what: `the store "${name}" was ${placeOf(before)} and is ${placeOf(after)}`,
        why: 'its changelog stays as it is: the first start reads it once more, and takes longer',
      })
  }
  for (const [name, store] of now) {
    if (old.has(name)) continue
    if (store.kind === 'buffer' && old.has(`${name}-headers`))
      changes.push({
        effect: 'breaks',
        what: `the windows that "${name}" holds back wait in a buffer of their own`,
        why: 'it begins empty: a window that is open meanwhile is emitted only if another record comes for it',
      })
    else
      changes.push({
        effect: 'safe',
        what: `the store "${name}" is new`,
        why: 'it begins empty: what was read before is not in it',
      })
  }
  return changes
}

function placeOf({ storeType }: StoreDescription): string {
  return storeType === 'disk' ? 'on disk' : 'in memory'
}

function windowsOf({ windows }: StoreDescription): string {
  return windows ?? 'aligned to the epoch'
}

/** Topics between sub-topologies: records may still be under way in one that is gone. */
function diffTopics(old: TopologyDescription, now: TopologyDescription): TopologyChange[] {
  const [before, after] = [topicsOf(old), topicsOf(now)]
  const changes: TopologyChange[] = []
  for (const [topic, kind] of before) {
    if (after.has(topic)) continue
    changes.push(
      kind === 'repartition'
        ? {
            effect: 'breaks',
            what: `the repartition topic "${topic}" is gone`,
            why: 'records that are still in it are not read any more: stop the old version when its lag is 0',
          }
        : {
            effect: 'moves',
            what: `the topic "${topic}" is no longer read`,
            why: 'its committed offsets are left behind',
          },
    )
  }
  for (const [topic, kind] of after) {
    if (!before.has(topic))
      changes.push({
        effect: kind === 'repartition' ? 'safe' : 'moves',
        what: `the ${kind === 'repartition' ? 'repartition ' : ''}topic "${topic}" is new`,
        why: kind === 'repartition' ? 'it begins empty' : 'it is read from its first record on',
      })
  }
  return changes
}

function topicsOf({ subTopologies }: TopologyDescription): ReadonlyMap<string, 'source' | 'repartition'> {
  return new Map(
    subTopologies.flatMap(({ nodes }) =>
      nodes.flatMap(({ topic, inputs, kind }) =>
        topic !== undefined && inputs.length === 0
          ? [[topic, ownTopics.has(kind) ? ('repartition' as const) : ('source' as const)] as const]
          : [],
      ),
    ),
  )
}

/** Topics that both versions read or write, but not with the same serdes. */
function diffTopicSerdes(old: TopologyDescription, now: TopologyDescription): TopologyChange[] {
  const [before, after] = [writtenTopicsOf(old), writtenTopicsOf(now)]
  return [...before].flatMap(([topic, { written, isOwn }]): TopologyChange[] => {
    const change = serdeChange(written, after.get(topic)?.written)
    if (change === undefined) return []
    return isOwn
      ? [
          {
            effect: 'breaks',
            what: `the repartition topic "${topic}" ${change}`,
            why: 'records that are still in it are not read with other serdes: stop the old version when its lag is 0, or reset the application',
          },
        ]
      : [
          {
            effect: 'moves',
            what: `the topic "${topic}" ${change}`,
            why: 'what is in it already stays as it was written, and whoever else reads or writes it must change as well',
          },
        ]
  })
}

interface WrittenTopic {
  readonly written: SerdeNames
  readonly isOwn: boolean
}

function writtenTopicsOf({ subTopologies }: TopologyDescription): ReadonlyMap<string, WrittenTopic> {
  return new Map(
    subTopologies.flatMap(({ nodes }) =>
      nodes.flatMap(({ topic, written, kind }) =>
        topic !== undefined && written ? [[topic, { written, isOwn: ownTopics.has(kind) }] as const] : [],
      ),
    ),
  )
}

/** Undefined: nothing has changed, or one of the descriptions was saved by a version that said no serdes. */
function serdeChange(before: SerdeNames | undefined, after: SerdeNames | undefined): string | undefined {
  if (!before || !after) return undefined
  const [old, now] = [textOfSerdes(before), textOfSerdes(after)]
  return old === now ? undefined : `was written as ${old} and is as ${now}`
}

/** What an operator computes is not compared: only its author knows whether old aggregates still mean the same. */
function diffNodes(old: TopologyDescription, now: TopologyDescription): TopologyChange[] {
  const [before, after] = [nodesOf(old), nodesOf(now)]
  return [...statelessIn(before, after, 'gone'), ...statelessIn(after, before, 'new')]
}

function nodesOf({ subTopologies }: TopologyDescription): ReadonlyMap<string, NodeDescription> {
  return new Map(subTopologies.flatMap(({ nodes }) => nodes.map((node) => [node.name, node] as const)))
}

/** The steps that only one version has; those with stores or topics are told by these. */
function statelessIn(
  nodes: ReadonlyMap<string, NodeDescription>,
  others: ReadonlyMap<string, NodeDescription>,
  fate: 'gone' | 'new',
): TopologyChange[] {
  return [...nodes.values()]
    .filter(({ name, stores, topic }) => !others.has(name) && stores.length === 0 && topic === undefined)
    .map(({ name, kind }) => ({
      effect: 'safe',
      what: `the step "${name}" (${kind}) is ${fate}`,
      why: 'it has no state',
    }))
}
