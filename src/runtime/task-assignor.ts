import type { Assignor, GroupMember, TopicPartition } from '../kafka/types.ts'
import { decodeStanding, encodeStanding } from './assignment-info.ts'
import { isTaskLayout, type Layout, type SubTopologyLayout } from './layout.ts'

/**
 * Gives equally numbered partitions of the topics of one group to the same member, as evenly as it goes, and what a member
 * has it keeps. Source: Kafka Streams' `StreamsPartitionAssignor`.
 */
export function stickyAssignor(
  name: string,
  groups: readonly (readonly string[])[],
  held: () => readonly TopicPartition[],
): Assignor {
  return {
    name,
    userData: () => encodeStanding({ held: held(), copies: [] }),
    assign(members, partitionCounts) {
      const owners = ownersOf(members)
      const ids = members.map(({ memberId }) => memberId)
      const assignment = new Map<string, TopicPartition[]>(ids.map((id) => [id, []]))
      const ownerOf = (unit: Unit) => unit.flatMap((of) => owners.get(keyOf(of)) ?? []).slice(0, 1)
      for (const [unit, memberId] of shareOut(unitsOf(groups, partitionCounts), ids, ownerOf))
        assignment.get(memberId)?.push(...unit)
      return assignment
    },
  }
}

/** What can't be parted: equally numbered partitions of one group of topics. */
export type Unit = readonly TopicPartition[]

/** As evenly as it goes, each to the first of those that would rather have it and have less than their share. */
export function shareOut(
  units: readonly Unit[],
  members: readonly string[],
  preferred: (unit: Unit) => readonly string[],
): ReadonlyMap<Unit, string> {
  const homes = new Map<Unit, string>()
  const share = Math.ceil(units.length / members.length)
  const load = new Map<string, number>(members.map((member) => [member, 0]))
  const give = (unit: Unit, member: string) => {
    homes.set(unit, member)
    load.set(member, (load.get(member) ?? 0) + 1)
  }
  const homeless = units.filter((unit) => {
    const member = preferred(unit).find((each) => (load.get(each) ?? share) < share)
    if (member === undefined) return true
    give(unit, member)
    return false
  })
  for (const unit of homeless) {
    const [idlest] = [...load].sort((a, b) => a[1] - b[1])
    if (idlest) give(unit, idlest[0])
  }
  return homes
}

/** Whether its tasks have stores whose truth is in changelogs. */
export function isStateful({ subTopology, stores }: SubTopologyLayout): boolean {
  return subTopology.kind === 'stream' && stores.some(({ isChangelog }) => isChangelog)
}

/** Topics that are read together by some task, directly or through others: their partitions can't be parted. */
export function topicGroups({ subTopologies }: Layout): readonly (readonly string[])[] {
  let groups: Set<string>[] = []
  for (const { inputs } of subTopologies.filter(isTaskLayout)) {
    const topics = inputs.map(({ topic }) => topic)
    const touched = groups.filter((group) => topics.some((topic) => group.has(topic)))
    const joined = new Set([...touched.flatMap((group) => [...group]), ...topics])
    groups = [...groups.filter((group) => !touched.includes(group)), joined]
  }
  return groups.map((group) => [...group])
}

export function unitsOf(
  groups: readonly (readonly string[])[],
  partitionCounts: ReadonlyMap<string, number>,
): readonly Unit[] {
  return groups.flatMap((topics) => {
    const count = Math.max(0, ...topics.map((topic) => partitionCounts.get(topic) ?? 0))
    return Array.from({ length: count }, (_, partition) =>
      topics
        .filter((topic) => partition < (partitionCounts.get(topic) ?? 0))
        .map((topic) => ({ topic, partition })),
    )
  })
}

function ownersOf(members: readonly GroupMember[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>()
  for (const { memberId, userData } of members) {
    for (const of of decodeStanding(userData).held) owners.set(keyOf(of), memberId)
  }
  return owners
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
