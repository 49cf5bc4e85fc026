import { abortedWith } from '../aborted.ts'
import { isRetryable, messageOf, RivuletError } from '../errors.ts'
import { backoffMs } from '../retry.ts'
import {
  assignCooperatively,
  decodeAssignment,
  decodeClaim,
  encodeAssignment,
  encodeClaim,
  keyOf,
} from './assignor.ts'
import type { Cluster } from './cluster.ts'
import { heartbeatRequest, joinGroupRequest, syncGroupRequest } from './group-requests.ts'
import type { Link } from './link.ts'
import type { TopicMetadata } from './metadata.ts'
import { kafkaErrorType } from './translate.ts'
import type { Assignor, TopicPartition } from './types.ts'

export interface MembershipOptions {
  readonly cluster: Cluster
  /** Names its connection: joining blocks it for as long as the others take. */
  readonly use: string
  readonly groupId: string
  /** Its own name in the group, by which it is known again after a restart; null: none. */
  readonly instanceId: string | null
  readonly topics: readonly string[]
  readonly assignor: Assignor
  /** How long the broker waits for a sign of life. */
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  /**
   * These are added. It may take its time, unless the signal aborts; what it resolves with is called when the member
   * really has them.
   */
  gained(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<() => void>
  /** These must go: the partitions may belong to somebody else as soon as it has resolved. */
  giveUp(partitions: readonly TopicPartition[]): Promise<void>
  /** These went without asking. */
  lost(partitions: readonly TopicPartition[]): void
}

/** How often the leader of a group looks whether its topics have more partitions. As `metadata.max.age.ms`, only sooner. */
const topicsIntervalMs = 30_000
const backoffPolicy = { initialMs: 100, waitMsMax: 5_000 }

/**
 * One member of a consumer group: joins, keeps its place by heartbeats, whatever the program is busy with, and gives
 * partitions up only when their owner has agreed.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #left = new AbortController()
  readonly #owned = new Map<string, TopicPartition>()
  #memberId = ''
  /** −1: no member at present. */
  #generation = -1
  /** What this member has assigned by, as the group's leader; undefined: another one is. */
  #partitionCounts: ReadonlyMap<string, number> | undefined
  /** Ends the generation that it is in. */
  #rejoin = () => {}

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  owns(of: TopicPartition): boolean {
    return this.#owned.has(keyOf(of))
  }

  get owned(): readonly TopicPartition[] {
    return [...this.#owned.values()]
  }

  /** For commits: undefined while it is no member. */
  get identity(): { readonly memberId: string; readonly groupGenerationId: number } | undefined {
    return this.#generation < 0
      ? undefined
      : { memberId: this.#memberId, groupGenerationId: this.#generation }
  }

  /** Runs until `leave`; rejects with what retrying can't mend. */
  async run(): Promise<void> {
    const { clock } = this.#options.cluster.options
    let failures = 0
    while (!this.#left.signal.aborted) {
      try {
        await this.#joinAndStay(() => {
          failures = 0
        })
      } catch (error) {
        if (this.#left.signal.aborted) return
        if (!this.#forgetStanding(error) && !isRetryable(error)) throw error
        failures++
        this.#say(error, failures)
        await clock.sleep(backoffMs(backoffPolicy, failures, clock), this.#left.signal).catch(() => undefined)
      }
    }
  }

  /** Joins again with what is to be said now; while it joins anyway, that is said next time. */
  rejoin(): void {
    this.#rejoin()
  }

  /**
   * Says goodbye, so that the others need not wait for the session to expire; one with a name of its own says nothing, for
   * it is expected back. What it owns must be given up before.
   */
  async leave(): Promise<void> {
    const { cluster, groupId, instanceId } = this.#options
    const memberId = this.#memberId
    this.#left.abort()
    this.#generation = -1
    this.#owned.clear()
    if (memberId === '' || instanceId !== null) return
    try {
      await this.#ask(`Can't leave group ${groupId}`, ({ broker }) =>
        broker.leaveGroup({ groupId, memberId }),
      )
    } catch (error) {
      cluster.options.logger.debug(`${messageOf(error)}; the others will notice it in a while`)
    }
  }

  /** One generation: resolves when it is time to join again. */
  async #joinAndStay(joined: () => void): Promise<void> {
    const assigned = await this.#join()
    joined()
    const heart = abortedWith(this.#left.signal)
    let noteRebalance = () => {}
    const rebalance = new Promise<void>((resolve) => {
      noteRebalance = resolve
    })
    this.#rejoin = noteRebalance
    // From here the member has to be heard of, also while partitions are taken over or given up.
    const expelled = this.#beat(heart.signal, noteRebalance)
    expelled.catch(() => undefined) // it is raced below
    try {
      const wanted = new Set(assigned.map(keyOf))
      const added = assigned.filter((of) => !this.owns(of))
      const surplus = this.owned.filter((of) => !wanted.has(keyOf(of)))
      if (!(await this.#gain(added, heart.signal, [rebalance, expelled]))) return
      if (surplus.length > 0) {
        await Promise.race([this.#options.giveUp(surplus), expelled])
        for (const of of surplus) this.#owned.delete(keyOf(of))
        return
      }
      await Promise.race([rebalance, expelled, this.#untilGrown(heart.signal)])
    } finally {
      heart.abort()
    }
  }

  /** False: the group began to rebalance before this member had taken the partitions over. */
  async #gain(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
    interrupted: readonly Promise<void>[],
  ): Promise<boolean> {
    const gaining = this.#options.gained(partitions, signal)
    const announce = await Promise.race([gaining, ...interrupted])
    if (!announce) {
      gaining.catch(() => undefined) // aborted
      return false
    }
    for (const of of partitions) this.#owned.set(keyOf(of), of)
    announce()
    return true
  }

  async #join(): Promise<readonly TopicPartition[]> {
    const { groupId, instanceId, topics, assignor, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const what = `Can't join group ${groupId}`
    const metadata = encodeClaim(topics, {
      generation: this.#generation,
      owned: this.owned,
      userData: assignor.userData?.() ?? Buffer.alloc(0),
    })
    const options = { sessionTimeoutMs, rebalanceTimeoutMs, protocol: { name: assignor.name, metadata } }
    const join = (memberId: string) =>
      this.#ask(what, (link) => link.send(joinGroupRequest({ groupId, memberId, instanceId }, options)))
    const first = await join(this.#memberId)
    const joined = 'newMemberId' in first ? await join(first.newMemberId) : first
    if ('newMemberId' in joined)
      throw new RivuletError('KAFKA_FAILED', `${what}: it gives one id after the other`)
    const { generationId, leaderId, memberId, members } = joined
    this.#memberId = memberId
    this.#generation = generationId
    this.#partitionCounts = undefined
    const assignments = memberId === leaderId ? await this.#assign(members) : []
    const member = { groupId, generationId, memberId, instanceId }
    const { memberAssignment } = await this.#ask(what, (link) =>
      link.send(syncGroupRequest(member, assignments)),
    )
    const { partitions, userData } = decodeAssignment(memberAssignment)
    assignor.onAssignment?.(userData)
    return partitions
  }

  async #assign(members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]) {
    const { cluster, topics, assignor } = this.#options
    const partitionCounts = partitionCountsOf(await cluster.topics(topics))
    this.#partitionCounts = partitionCounts
    const joined = members.map(({ memberId, memberMetadata }) => ({
      memberId,
      claim: decodeClaim(memberMetadata),
    }))
    const assignment = assignCooperatively(assignor, joined, partitionCounts)
    return [...assignment].map(([memberId, given]) => ({
      memberId,
      memberAssignment: encodeAssignment(given),
    }))
  }

  /** Resolves, at the group's leader, when its topics have other partitions than were assigned: then all join again. */
  async #untilGrown(signal: AbortSignal): Promise<void> {
    const { cluster, topics } = this.#options
    const assigned = this.#partitionCounts
    for (;;) {
      await cluster.options.clock.sleep(topicsIntervalMs, signal).catch(() => undefined)
      if (signal.aborted) return
      if (!assigned) continue
      try {
        const counts = partitionCountsOf(await cluster.topics(topics))
        if (topics.some((topic) => (counts.get(topic) ?? 0) > (assigned.get(topic) ?? 0))) return
      } catch (error) {
        if (!isRetryable(error)) throw error
      }
    }
  }

  /**
   * Until the signal aborts; rejects when this member has lost its place. A coordinator that is away expels nobody:
   * its successor knows the members.
   */
  async #beat(signal: AbortSignal, rebalance: () => void): Promise<void> {
    const { cluster, groupId, instanceId, heartbeatIntervalMs } = this.#options
    const member = { groupId, instanceId, memberId: this.#memberId, generationId: this.#generation }
    for (let failures = 0; ; ) {
      await cluster.options.clock.sleep(heartbeatIntervalMs, signal).catch(() => undefined)
      if (signal.aborted) return
      try {
        await this.#ask(`Can't reach the coordinator of group ${groupId}`, (link) =>
          link.send(heartbeatRequest(member)),
        )
        failures = 0
      } catch (error) {
        if (kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS') rebalance()
        else if (isRetryable(error)) this.#say(error, ++failures)
        else throw error
      }
    }
  }

  /** A first failure is routine when brokers or members come and go. */
  #say(error: unknown, failures: number): void {
    if (kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS') return
    const { logger, trouble } = this.#options.cluster.options
    if (failures >= 3) trouble.say(messageOf(error))
    else logger.debug(`${messageOf(error)}; trying again`)
  }

  /** Whether the error says that the group no longer knows this member: then it begins anew, with nothing. */
  #forgetStanding(error: unknown): boolean {
    const type = kafkaErrorType(error)
    if (type === 'REBALANCE_IN_PROGRESS') return true
    if (type !== 'UNKNOWN_MEMBER_ID' && type !== 'ILLEGAL_GENERATION') return false
    const gone = this.owned
    this.#generation = -1
    this.#memberId = ''
    this.#owned.clear()
    if (gone.length > 0) this.#options.lost(gone)
    return true
  }

  #ask<T>(what: string, work: (link: Link) => Promise<T>): Promise<T> {
    const { cluster, use, groupId } = this.#options
    return cluster.withCoordinator({ type: 'group', key: groupId }, use, what, work)
  }
}

function partitionCountsOf(topics: readonly TopicMetadata[]): ReadonlyMap<string, number> {
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
}
