import type { KafkaErrorCode } from '../protocol/error-codes.ts'

export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly memberId: string
  /** The member's own name, by which it is known again after a restart; null: it has none. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
  /** Whether a new member is first told its id, and joins then. Older ones know of nothing but joining. */
  readonly learnsIdFirst: boolean
}

export interface JoinAnswer {
  readonly errorCode: KafkaErrorCode
  readonly generation: number
  readonly protocol: string
  readonly leaderId: string
  readonly memberId: string
  /** For the leader only. */
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly metadata: Buffer
  }[]
}

export interface SyncRequest {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

/** Who commits offsets. */
export interface Committer {
  readonly memberId: string
  readonly instanceId: string | null
  /** −1: from outside. */
  readonly generation: number
}

export interface SyncAnswer {
  readonly errorCode: KafkaErrorCode
  readonly assignment: Buffer
}

/** What a member is told that may not join, or not yet. */
export function refusedJoin(memberId: string, errorCode: KafkaErrorCode): JoinAnswer {
  return { errorCode, generation: -1, protocol: '', leaderId: '', memberId, members: [] }
}
