import type { Subscription } from 'rxjs'
import type { Clock } from '../../clock.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import { type Member, Members } from './members.ts'
import {
  type Committer,
  type GroupProtocol,
  type JoinAnswer,
  type JoinRequest,
  refusedJoin,
  type SyncAnswer,
  type SyncRequest,
} from './requests.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface GroupOptions {
  readonly clock: Clock
  readonly membersMax: number
  /** How long the first rebalance of an empty group waits for more members. */
  readonly initialRebalanceDelayMs: number
  readonly newMemberId: (clientId: string) => string
}

const nothing = Buffer.alloc(0)

/**
 * The members of one group and their rebalances: members join, one of them (the leader) assigns the partitions, all
 * fetch their share. A join is answered when every member has joined or the slowest one's time is up. Source: Kafka's
 * classic `GroupCoordinator`.
 */
export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  generation = 0
  protocolType = ''
  protocol = ''
  readonly members = new Members()
  readonly #options: GroupOptions
  /** Ids that were handed out, and not used yet. */
  readonly #promised = new Map<string, Subscription>()
  #leaderId = ''
  #deadline: Subscription | undefined
  #initialDelay: Subscription | undefined

  constructor(id: string, options: GroupOptions) {
    this.id = id
    this.#options = options
  }

  /** Nobody is in it or about to be. */
  get isDeserted(): boolean {
    return this.members.size === 0 && this.#promised.size === 0
  }

  join(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { memberId } = request
    if (!this.#accepts(request)) return refusedJoin(memberId, errorCodes.inconsistentGroupProtocol)
    if (this.members.isReplaced(request)) return refusedJoin(memberId, errorCodes.fencedInstanceId)
    if (memberId === '' && request.instanceId !== null) return this.#joinByName(request, request.instanceId)
    if (memberId === '') return this.#welcome(request)
    const promised = this.#promised.get(memberId)
    const member = this.members.get(memberId)
    if (!promised && !member) return refusedJoin(memberId, errorCodes.unknownMemberId)
    if (member && !this.#needsRebalance(member, request)) return this.#joinAnswer(member)
    promised?.unsubscribe()
    this.#promised.delete(memberId)
    return this.#admit(request, member)
  }

  sync(request: SyncRequest): SyncAnswer | Promise<SyncAnswer> {
    if (this.members.isReplaced(request))
      return { errorCode: errorCodes.fencedInstanceId, assignment: nothing }
    const errorCode = this.check(request.memberId, request.generation)
    const member = this.members.get(request.memberId)
    if (errorCode !== errorCodes.none || !member) return { errorCode, assignment: nothing }
    if (this.state === 'PreparingRebalance') {
      return { errorCode: errorCodes.rebalanceInProgress, assignment: nothing }
    }
    if (this.state === 'Stable') {
      this.#heardOf(member)
      return { errorCode: errorCodes.none, assignment: member.assignment }
    }
    return new Promise((resolve) => {
      member.syncing?.({ errorCode: errorCodes.rebalanceInProgress, assignment: nothing })
      member.syncing = resolve
      member.session?.unsubscribe()
      if (member.id === this.#leaderId) this.#assign(request.assignments)
    })
  }

  heartbeat(memberId: string, generation: number, instanceId: string | null = null): KafkaErrorCode {
    if (this.members.isReplaced({ memberId, instanceId })) return errorCodes.fencedInstanceId
    const errorCode = this.check(memberId, generation)
    const member = this.members.get(memberId)
    if (errorCode !== errorCodes.none || !member) return errorCode
    this.#heardOf(member)
    return this.state === 'PreparingRebalance' ? errorCodes.rebalanceInProgress : errorCodes.none
  }

  /** A member may be named by its instance alone, as operators do. Source: KIP-345. */
  leave(memberId: string, instanceId: string | null = null): KafkaErrorCode {
    if (instanceId !== null) {
      const named = this.members.named(instanceId)
      if (!named) return errorCodes.unknownMemberId
      if (memberId !== '' && memberId !== named.id) return errorCodes.fencedInstanceId
      this.#remove(named.id)
      return errorCodes.none
    }
    const promised = this.#promised.get(memberId)
    if (promised) {
      promised.unsubscribe()
      this.#promised.delete(memberId)
      this.#completeJoinIfAllAreThere()
      return errorCodes.none
    }
    if (!this.members.has(memberId)) return errorCodes.unknownMemberId
    this.#remove(memberId)
    return errorCodes.none
  }

  /** Whether the member may commit offsets; who commits without a group (generation −1) may when it is empty. */
  checkCommit({ memberId, instanceId, generation }: Committer): KafkaErrorCode {
    if (this.members.isReplaced({ memberId, instanceId })) return errorCodes.fencedInstanceId
    if (generation < 0 && this.state === 'Empty') return errorCodes.none
    const errorCode = this.check(memberId, generation)
    const member = this.members.get(memberId)
    if (errorCode !== errorCodes.none || !member) return errorCode
    if (this.state === 'CompletingRebalance') return errorCodes.rebalanceInProgress
    this.#heardOf(member)
    return errorCodes.none
  }

  check(memberId: string, generation: number): KafkaErrorCode {
    if (!this.members.has(memberId)) return errorCodes.unknownMemberId
    return generation === this.generation ? errorCodes.none : errorCodes.illegalGeneration
  }

  close(): void {
    this.#deadline?.unsubscribe()
    this.#initialDelay?.unsubscribe()
    for (const timer of this.#promised.values()) timer.unsubscribe()
    for (const member of this.members) member.session?.unsubscribe()
  }

  #accepts({ protocolType, protocols }: JoinRequest): boolean {
    if (protocols.length === 0 || protocolType === '') return false
    if (this.members.size === 0) return true
    return protocolType === this.protocolType && this.members.common(protocols).length > 0
  }

  /**
   * One that comes under a name takes the place of the member that had it, with its assignment: in a group at rest, nobody
   * else hears of it. Source: KIP-345.
   */
  #joinByName(request: JoinRequest, instanceId: string): JoinAnswer | Promise<JoinAnswer> {
    const before = this.members.named(instanceId)
    const joining = { ...request, memberId: this.#options.newMemberId(request.clientId) }
    if (!before) {
      const isFull = this.members.size + this.#promised.size >= this.#options.membersMax
      return isFull ? refusedJoin('', errorCodes.groupMaxSizeReached) : this.#admit(joining, undefined)
    }
    const isAtRest = this.state === 'Stable'
    this.#replace(before, joining.memberId)
    if (!isAtRest) return this.#admit(joining, before)
    const { protocols, sessionTimeoutMs, rebalanceTimeoutMs, clientHost } = request
    const member = {
      ...{ ...before, id: joining.memberId, protocols, sessionTimeoutMs, rebalanceTimeoutMs, clientHost },
      session: undefined,
    }
    this.members.set(member)
    const wasLeader = this.#leaderId === before.id
    if (wasLeader) this.#leaderId = member.id
    this.#heardOf(member)
    // As if another one led: what was assigned stays, so there is nothing to assign.
    return { ...this.#joinAnswer(member), ...(wasLeader && { leaderId: before.id, members: [] }) }
  }

  /** Whoever still waits under the old id is told that it is no longer its. */
  #replace(before: Member, memberId: string): void {
    before.session?.unsubscribe()
    before.joining?.(refusedJoin(memberId, errorCodes.fencedInstanceId))
    before.syncing?.({ errorCode: errorCodes.fencedInstanceId, assignment: nothing })
    before.joining = undefined
    before.syncing = undefined
    this.members.delete(before.id)
  }

  /** Resolves when all members have joined. */
  #admit(request: JoinRequest, member: Member | undefined): Promise<JoinAnswer> {
    return new Promise((resolve) => {
      this.#enter(request, member, resolve)
      if (this.state !== 'PreparingRebalance') this.#prepareRebalance()
      this.#completeJoinIfAllAreThere()
    })
  }

  #welcome(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    if (this.members.size + this.#promised.size >= this.#options.membersMax) {
      return refusedJoin('', errorCodes.groupMaxSizeReached)
    }
    const memberId = this.#options.newMemberId(request.clientId)
    return request.learnsIdFirst
      ? this.#promise(memberId, request)
      : this.#admit({ ...request, memberId }, undefined)
  }

  /** A new member is first told its id, so that a lost answer leaves no ghost behind. Source: KIP-394. */
  #promise(memberId: string, { sessionTimeoutMs }: JoinRequest): JoinAnswer {
    const forget = () => {
      this.#promised.delete(memberId)
      this.#completeJoinIfAllAreThere()
    }
    this.#promised.set(memberId, this.#schedule(forget, sessionTimeoutMs))
    return refusedJoin(memberId, errorCodes.memberIdRequired)
  }

  #needsRebalance(member: Member, { protocols }: JoinRequest): boolean {
    if (this.state === 'PreparingRebalance') return true
    if (!sameProtocols(member.protocols, protocols)) return true
    return this.state === 'Stable' && member.id === this.#leaderId
  }

  #enter(request: JoinRequest, before: Member | undefined, joining: (answer: JoinAnswer) => void): void {
    before?.joining?.(refusedJoin(request.memberId, errorCodes.rebalanceInProgress))
    before?.session?.unsubscribe()
    if (this.members.size === 0) this.protocolType = request.protocolType
    const {
      memberId: id,
      instanceId,
      clientId,
      clientHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols,
    } = request
    this.members.set({
      ...{ id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols },
      assignment: before?.assignment ?? nothing,
      joining,
      syncing: before?.syncing,
      session: undefined,
    })
  }

  #prepareRebalance(): void {
    const wasEmpty = this.state === 'Empty'
    this.state = 'PreparingRebalance'
    for (const member of this.members) {
      this.#answerSync(member, { errorCode: errorCodes.rebalanceInProgress, assignment: nothing })
    }
    if (wasEmpty && this.#options.initialRebalanceDelayMs > 0) {
      const end = () => {
        this.#initialDelay = undefined
        this.#completeJoinIfAllAreThere()
      }
      this.#initialDelay = this.#schedule(end, this.#options.initialRebalanceDelayMs)
    }
    this.#within(this.members.rebalanceTimeoutMs, () => this.#completeJoin())
  }

  #completeJoinIfAllAreThere(): void {
    if (this.state !== 'PreparingRebalance' || this.#initialDelay || this.#promised.size > 0) return
    if ([...this.members].every((member) => member.joining)) this.#completeJoin()
  }

  #completeJoin(): void {
    this.#deadline?.unsubscribe()
    for (const member of [...this.members]) {
      if (member.joining) continue
      member.session?.unsubscribe()
      this.members.delete(member.id)
    }
    this.generation++
    const first = this.members.first
    if (!first) {
      this.#becomeEmpty()
      return
    }
    this.state = 'CompletingRebalance'
    if (!this.members.has(this.#leaderId)) this.#leaderId = first.id
    this.protocol = this.#chooseProtocol(first)
    for (const member of this.members) {
      const { joining } = member
      member.joining = undefined
      joining?.(this.#joinAnswer(member))
      this.#heardOf(member)
    }
    this.#within(this.members.rebalanceTimeoutMs, () => this.#dropThoseWhoDidNotSync())
  }

  #assign(assignments: SyncRequest['assignments']): void {
    this.#deadline?.unsubscribe()
    this.state = 'Stable'
    const byMember = new Map(assignments.map((each) => [each.memberId, each.assignment]))
    for (const member of this.members) {
      // A copy: the request's buffer may be much larger.
      member.assignment = Buffer.from(byMember.get(member.id) ?? nothing)
      this.#answerSync(member, { errorCode: errorCodes.none, assignment: member.assignment })
    }
  }

  #answerSync(member: Member, answer: SyncAnswer): void {
    const { syncing } = member
    if (!syncing) return
    member.syncing = undefined
    syncing(answer)
    this.#heardOf(member)
  }

  #dropThoseWhoDidNotSync(): void {
    const late = [...this.members].filter((member) => !member.syncing)
    for (const member of late) this.#remove(member.id)
    if (this.state === 'CompletingRebalance') this.#prepareRebalance()
  }

  #remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (!member) return
    member.session?.unsubscribe()
    this.members.delete(memberId)
    member.joining?.(refusedJoin(memberId, errorCodes.unknownMemberId))
    member.syncing?.({ errorCode: errorCodes.unknownMemberId, assignment: nothing })
    if (this.members.size === 0 && this.state !== 'PreparingRebalance') {
      this.generation++
      this.#becomeEmpty()
    } else if (this.state !== 'PreparingRebalance') this.#prepareRebalance()
    else this.#completeJoinIfAllAreThere()
  }

  #becomeEmpty(): void {
    this.#deadline?.unsubscribe()
    this.state = 'Empty'
    this.protocol = ''
    this.#leaderId = ''
  }

  #heardOf(member: Member): void {
    member.session?.unsubscribe()
    // Whoever waits for our answer can't be heard of.
    if (member.joining || member.syncing) return
    member.session = this.#schedule(() => this.#remove(member.id), member.sessionTimeoutMs)
  }

  #joinAnswer(member: Member): JoinAnswer {
    const isLeader = member.id === this.#leaderId
    return {
      errorCode: errorCodes.none,
      generation: this.generation,
      protocol: this.protocol,
      leaderId: this.#leaderId,
      memberId: member.id,
      members: isLeader ? [...this.members].map((each) => this.#metadataOf(each)) : [],
    }
  }

  #metadataOf({ id, instanceId, protocols }: Member) {
    const chosen = protocols.find((protocol) => protocol.name === this.protocol)
    return { memberId: id, instanceId, metadata: chosen?.metadata ?? nothing }
  }

  /** Of those that all support, the one that the first member prefers. */
  #chooseProtocol(first: Member): string {
    return this.members.common(first.protocols)[0] ?? ''
  }

  #within(timeoutMs: number, otherwise: () => void): void {
    this.#deadline?.unsubscribe()
    this.#deadline = this.#schedule(otherwise, timeoutMs)
  }

  #schedule(work: () => void, delayMs: number): Subscription {
    return this.#options.clock.scheduler.schedule(work, delayMs)
  }
}

function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, i) => name === b[i]?.name && metadata.equals(b[i].metadata))
  )
}
