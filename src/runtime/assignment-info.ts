import type { TopicPartition } from '../kafka/types.ts'

/** A copy of the stores of what reads a partition. */
export interface StandbyCopy extends TopicPartition {
  /** By how many records it was behind when it was looked at last. */
  readonly lag: number
}

/** What a member has when it joins. */
export interface Standing {
  readonly held: readonly TopicPartition[]
  readonly copies: readonly StandbyCopy[]
}

/** What the leader tells a member beside its partitions: of which it keeps copies, and which of them it waits for. */
export interface AssignmentInfo {
  readonly copies: readonly TopicPartition[]
  /** Of `copies`: when they have caught up, tasks go where they belong. */
  readonly warmups: readonly TopicPartition[]
}

type Place = readonly [topic: string, partition: number]

/** Without copies it is as it was before there were any, so that members of both kinds understand each other. */
export function encodeStanding({ held, copies }: Standing): Buffer {
  const owned = held.map(placeOf)
  const standing = copies.length === 0 ? owned : { held: owned, copies: copies.map(copyOf) }
  return Buffer.from(JSON.stringify(standing))
}

export function decodeStanding(bytes: Buffer): Standing {
  const standing: readonly Place[] | { held: Place[]; copies: [string, number, number][] } = JSON.parse(
    bytes.toString() || '[]',
  )
  if (!('held' in standing)) return { held: standing.map(partitionOf), copies: [] }
  return {
    held: standing.held.map(partitionOf),
    copies: standing.copies.map(([topic, partition, lag]) => ({ topic, partition, lag })),
  }
}

export function encodeAssignmentInfo({ copies, warmups }: AssignmentInfo): Buffer {
  return Buffer.from(JSON.stringify({ copies: copies.map(placeOf), warmups: warmups.map(placeOf) }))
}

/** Nothing is what a leader says that keeps no copies. */
export function decodeAssignmentInfo(bytes: Buffer): AssignmentInfo {
  if (bytes.length === 0) return { copies: [], warmups: [] }
  const info: { copies: Place[]; warmups: Place[] } = JSON.parse(bytes.toString())
  return { copies: info.copies.map(partitionOf), warmups: info.warmups.map(partitionOf) }
}

function placeOf({ topic, partition }: TopicPartition): Place {
  return [topic, partition]
}

function copyOf({ topic, partition, lag }: StandbyCopy) {
  return [topic, partition, lag]
}

function partitionOf([topic, partition]: Place): TopicPartition {
  return { topic, partition }
}
