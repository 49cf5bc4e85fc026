import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import { Group, type GroupOptions, type GroupState } from './group.ts'
import type { CommittedOffset, CommittedOffsets } from './offsets.ts'
import { type Committer, type JoinAnswer, type JoinRequest, refusedJoin } from './requests.ts'

export interface GroupsOptions extends GroupOptions {
  readonly offsets: CommittedOffsets
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
}

/** All consumer groups: those with members live here, their offsets in `CommittedOffsets`. */
export class Groups {
  readonly #options: GroupsOptions
  readonly #groups = new Map<string, Group>()

  constructor(options: GroupsOptions) {
    this.#options = options
  }

  get(id: string): Group | undefined {
    return this.#groups.get(id)
  }

  join(groupId: string, request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.#options
    const refuse = (errorCode: KafkaErrorCode) => refusedJoin(request.memberId, errorCode)
    if (groupId === '') return refuse(errorCodes.invalidGroupId)
    if (request.sessionTimeoutMs < sessionTimeoutMsMin || request.sessionTimeoutMs > sessionTimeoutMsMax) {
      return refuse(errorCodes.invalidSessionTimeout)
    }
    let group = this.#groups.get(groupId)
    if (!group) {
      if (request.memberId !== '') return refuse(errorCodes.unknownMemberId)
      group = new Group(groupId, this.#options)
      this.#groups.set(groupId, group)
    }
    return group.join(request)
  }

  /** Commits offsets, by a member or (generation −1) from outside of an empty group. */
  commit(groupId: string, committer: Committer, offsets: readonly CommittedOffset[]): KafkaErrorCode {
    const errorCode = this.checkCommit(groupId, committer)
    if (errorCode === errorCodes.none) this.#options.offsets.commit([[groupId, offsets]])
    return errorCode
  }

  /** Whether `commit` would be allowed. */
  checkCommit(groupId: string, committer: Committer): KafkaErrorCode {
    if (groupId === '') return errorCodes.invalidGroupId
    const group = this.#groups.get(groupId)
    if (!group && committer.generation >= 0) return errorCodes.unknownMemberId
    return group?.checkCommit(committer) ?? errorCodes.none
  }

  list(): { readonly id: string; readonly protocolType: string; readonly state: GroupState }[] {
    const ids = new Set([...this.#options.offsets.groups(), ...this.#groups.keys()])
    return [...ids].map((id) => {
      const { protocolType = '', state = 'Empty' } = this.#groups.get(id) ?? {}
      return { id, protocolType, state }
    })
  }

  exists(id: string): boolean {
    return this.#groups.has(id) || this.#options.offsets.all(id).length > 0
  }

  delete(id: string): KafkaErrorCode {
    const group = this.#groups.get(id)
    if (group && group.members.size > 0) return errorCodes.nonEmptyGroup
    if (!this.exists(id)) return errorCodes.groupIdNotFound
    this.#options.offsets.delete(id)
    group?.close()
    this.#groups.delete(id)
    return errorCodes.none
  }

  /** Forgets groups that are deserted and have no offsets, so that they don't pile up. */
  forgetDeserted(): void {
    for (const [id, group] of this.#groups) {
      if (group.isDeserted && this.#options.offsets.all(id).length === 0) this.#groups.delete(id)
    }
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
  }
}
