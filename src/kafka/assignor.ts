import { memberProtocol } from './internals.ts'
import { topicPartitions } from './topic-partitions.ts'
import type { Assignor, PartitionOffset, TopicPartition } from './types.ts'

/** What a member says when it joins, inside of Kafka's member metadata. */
export interface MemberClaim {
  /** The generation in which it got what it owns. */
  readonly generation: number
  readonly owned: readonly TopicPartition[]
  readonly userData: Buffer
}

/** Spreads each topic's partitions evenly; equally numbered partitions of all topics go to the same member. */
export const evenAssignor: Assignor = {
  name: 'rivulet-even',
  assign: (members, partitionCounts) => {
    const assignment = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
    for (const [topic, count] of partitionCounts) {
      for (let partition = 0; partition < count; partition++) {
        const member = members[partition % members.length]
        if (member) assignment.get(member.memberId)?.push({ topic, partition })
      }
    }
    return assignment
  },
}

export function encodeClaim(topics: readonly string[], { generation, owned, userData }: MemberClaim): Buffer {
  const claim = Buffer.from(
    JSON.stringify({
      generation,
      owned: topicPartitions(owned, ({ partition }) => partition),
      userData: userData.toString('base64'),
    }),
  )
  return memberProtocol.MemberMetadata.encode({ version: 0, topics, userData: claim })
}

export function decodeClaim(metadata: Buffer): MemberClaim {
  const { userData } = memberProtocol.MemberMetadata.decode(metadata)
  const claim: {
    generation: number
    owned: { topic: string; partitions: number[] }[]
    userData: string
  } = JSON.parse(userData?.toString() ?? '')
  return {
    generation: claim.generation,
    owned: claim.owned.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    ),
    userData: Buffer.from(claim.userData, 'base64'),
  }
}

/** What a member is given, and what else it is told. */
export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer
}

export interface JoinedMember {
  readonly memberId: string
  readonly claim: MemberClaim
}

/**
 * Lets the assignor decide, but leaves out, for this round, what goes from one member to another: its owner gives it up
 * first, joins again, and only then is it handed out. Nobody else has to stop. (Cooperative rebalancing, KIP-429.)
 */
export function assignCooperatively(
  assignor: Assignor,
  members: readonly JoinedMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, MemberAssignment> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const asked = sorted.map(({ memberId, claim }) => ({ memberId, userData: claim.userData }))
  const target = assignor.assign(asked, partitionCounts)
  const told = assignor.assignmentData?.(asked, partitionCounts)
  const owners = ownersOf(sorted)
  return new Map(
    sorted.map(({ memberId }) => {
      const wanted = target.get(memberId) ?? []
      const partitions = wanted.filter((of) => (owners.get(keyOf(of)) ?? memberId) === memberId)
      return [memberId, { partitions, userData: told?.get(memberId) ?? Buffer.alloc(0) }]
    }),
  )
}

/** Of two that claim a partition, the one with the newer generation has it. */
function ownersOf(members: readonly JoinedMember[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>()
  const generations = new Map<string, number>()
  for (const { memberId, claim } of members) {
    for (const of of claim.owned) {
      const key = keyOf(of)
      if ((generations.get(key) ?? -1) >= claim.generation) continue
      generations.set(key, claim.generation)
      owners.set(key, memberId)
    }
  }
  return owners
}

export function encodeAssignment({ partitions, userData }: MemberAssignment): Buffer {
  const assignment = Object.fromEntries(
    topicPartitions(partitions, ({ partition }) => partition).map(({ topic, partitions: list }) => [
      topic,
      list,
    ]),
  )
  return memberProtocol.MemberAssignment.encode({ version: 0, assignment, userData })
}

/** No assignment at all is an empty one: the leader had none for this member. */
export function decodeAssignment(bytes: Buffer): MemberAssignment {
  const { assignment, userData } = memberProtocol.MemberAssignment.decode(bytes) ?? {
    assignment: {},
    userData: null,
  }
  return {
    partitions: Object.entries(assignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    ),
    userData: userData ?? Buffer.alloc(0),
  }
}

export function keyOf({ topic, partition }: TopicPartition | PartitionOffset): string {
  return `${topic} ${partition}`
}
