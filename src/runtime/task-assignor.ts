import type { Assignor, GroupMember, TopicPartition } from '../kafka/types.ts'
import { isTaskLayout, type Layout } from './layout.ts'

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
    userData: () => Buffer.from(JSON.stringify(held().map(({ topic, partition }) => [topic, partition]))),
    assign(members, partitionCounts) {
      const assignment = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
      const owners = ownersOf(members)
      const units = unitsOf(groups, partitionCounts)
      const share = Math.ceil(units.length / members.length)
      const load = new Map<string, number>(members.map(({ memberId }) => [memberId, 0]))
      const give = (unit: readonly TopicPartition[], memberId: string) => {
        assignment.get(memberId)?.push(...unit)
        load.set(memberId, (load.get(memberId) ?? 0) + 1)
      }
      const homeless = units.filter((unit) => {
        const owner = unit.map((of) => owners.get(keyOf(of))).find((member) => member !== undefined)
        if (owner === undefined || (load.get(owner) ?? share) >= share) return true
        give(unit, owner)
        return false
      })
      for (const unit of homeless) {
        const [idlest] = [...load].sort((a, b) => a[1] - b[1])
        if (idlest) give(unit, idlest[0])
      }
      return assignment
    },
  }
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

/** What can't be parted: equally numbered partitions of one group of topics. */
function unitsOf(
  groups: readonly (readonly string[])[],
  partitionCounts: ReadonlyMap<string, number>,
): TopicPartition[][] {
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
    for (const [topic, partition] of JSON.parse(userData.toString() || '[]') as [string, number][])
      owners.set(keyOf({ topic, partition }), memberId)
  }
  return owners
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
