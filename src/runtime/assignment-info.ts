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
  /** Where it can be asked; absent: nowhere. */
  readonly host?: string
}

/** What an instance that can be asked is to have. */
export interface HostPartitions {
  readonly host: string
  readonly active: readonly TopicPartition[]
  readonly standby: readonly TopicPartition[]
}

/** What the leader tells a member beside its partitions. */
export interface AssignmentInfo {
  /** Of what it keeps copies. */
  readonly copies: readonly TopicPartition[]
  /** Some of them: when they have caught up, tasks go where they belong. */
  readonly warmups: readonly TopicPartition[]
  /** All members that say where they are. */
  readonly hosts: readonly HostPartitions[]
}

type Place = readonly [topic: string, partition: number]

interface WrittenStanding {
  readonly held: readonly Place[]
  readonly copies: readonly (readonly [topic: string, partition: number, lag: number])[]
  readonly host?: string
}

interface WrittenInfo {
  readonly copies: readonly Place[]
  readonly warmups: readonly Place[]
  readonly hosts: readonly {
    readonly host: string
    readonly active: readonly Place[]
    readonly standby: readonly Place[]
  }[]
}

/** With nothing but partitions it is as it always was, so that members of both kinds understand each other. */
export function encodeStanding({ held, copies, host }: Standing): Buffer {
  const owned = held.map(placeOf)
  const written: WrittenStanding = {
    held: owned,
    copies: copies.map(({ topic, partition, lag }) => [topic, partition, lag]),
    ...(host !== undefined && { host }),
  }
  const isPlain = copies.length === 0 && host === undefined
  return Buffer.from(JSON.stringify(isPlain ? owned : written))
}

export function decodeStanding(bytes: Buffer): Standing {
  const standing: readonly Place[] | WrittenStanding = JSON.parse(bytes.toString() || '[]')
  if (!('held' in standing)) return { held: standing.map(partitionOf), copies: [] }
  return {
    ...standing,
    held: standing.held.map(partitionOf),
    copies: standing.copies.map(([topic, partition, lag]) => ({ topic, partition, lag })),
  }
}

export function encodeAssignmentInfo({ copies, warmups, hosts }: AssignmentInfo): Buffer {
  const written: WrittenInfo = {
    copies: copies.map(placeOf),
    warmups: warmups.map(placeOf),
    hosts: hosts.map(({ host, active, standby }) => ({
      host,
      active: active.map(placeOf),
      standby: standby.map(placeOf),
    })),
  }
  return Buffer.from(JSON.stringify(written))
}

export const noAssignmentInfo: AssignmentInfo = { copies: [], warmups: [], hosts: [] }

/** Nothing is what a leader of an older version says. */
export function decodeAssignmentInfo(bytes: Buffer): AssignmentInfo {
  if (bytes.length === 0) return noAssignmentInfo
  const { copies, warmups, hosts }: WrittenInfo = JSON.parse(bytes.toString())
  return {
    copies: copies.map(partitionOf),
    warmups: warmups.map(partitionOf),
    hosts: hosts.map(({ host, active, standby }) => ({
      host,
      active: active.map(partitionOf),
      standby: standby.map(partitionOf),
    })),
  }
}

function placeOf({ topic, partition }: TopicPartition): Place {
  return [topic, partition]
}

function partitionOf([topic, partition]: Place): TopicPartition {
  return { topic, partition }
}
