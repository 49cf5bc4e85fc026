import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { createErrorFromCode, type ProtocolRequest } from './internals.ts'

/** What kafkajs speaks of these says nothing of members that keep their place over a restart. Source: KIP-345. */

/** Who asks: `instanceId` is the member's own name where it is to be known again, null where it has none. */
export interface GroupMemberIdentity {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
}

interface Generation {
  readonly generationId: number
}

export interface Joined extends Generation {
  readonly leaderId: string
  readonly memberId: string
  /** For the leader only. */
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}

const memberIdRequired = 79
/** What a join's answer may take on top of the time that the other members have. */
const joinDelayMs = 5_000

/** JoinGroup v5. A new member may only be told its id: then it is to join with that. */
export function joinGroupRequest(
  { groupId, memberId, instanceId }: GroupMemberIdentity,
  options: {
    readonly sessionTimeoutMs: number
    readonly rebalanceTimeoutMs: number
    readonly protocol: { readonly name: string; readonly metadata: Buffer }
  },
): ProtocolRequest<Joined | { readonly newMemberId: string }> {
  const { sessionTimeoutMs, rebalanceTimeoutMs, protocol } = options
  return {
    requestTimeout: rebalanceTimeoutMs + joinDelayMs,
    logResponseError: false,
    request: {
      ...{ apiKey: 11, apiVersion: 5, apiName: 'JoinGroup' },
      encode: async () => {
        const writer = new ByteWriter().string(groupId).int32(sessionTimeoutMs).int32(rebalanceTimeoutMs)
        return writer
          .string(memberId)
          .string(instanceId)
          .string('consumer')
          .array([protocol], ({ name, metadata }) => writer.string(name).bytes(metadata))
          .finish()
      },
    },
    response: {
      decode: async (bytes) => decodeJoined(new ByteReader(bytes)),
      parse: async (data) => data,
    },
  }
}

function decodeJoined(reader: ByteReader) {
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  const generationId = reader.int32()
  reader.string() // the protocol: there is but one
  const leaderId = reader.string()
  const memberId = reader.string()
  if (errorCode === memberIdRequired) return { newMemberId: memberId, clientSideThrottleTime }
  if (errorCode !== 0) throw createErrorFromCode(errorCode)
  const members = reader.array(() => {
    const id = reader.string()
    reader.string() // its instance id
    return { memberId: id, memberMetadata: reader.buffer() }
  })
  return { generationId, leaderId, memberId, members, clientSideThrottleTime }
}

/** SyncGroup v3. `assignments`: from the leader only. */
export function syncGroupRequest(
  { groupId, memberId, instanceId, generationId }: GroupMemberIdentity & Generation,
  assignments: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[],
): ProtocolRequest<{ readonly memberAssignment: Buffer }> {
  return {
    logResponseError: false,
    request: {
      ...{ apiKey: 14, apiVersion: 3, apiName: 'SyncGroup' },
      encode: async () => {
        const writer = new ByteWriter()
          .string(groupId)
          .int32(generationId)
          .string(memberId)
          .string(instanceId)
        return writer
          .array(assignments, (each) => writer.string(each.memberId).bytes(each.memberAssignment))
          .finish()
      },
    },
    response: {
      decode: async (bytes) => {
        const reader = new ByteReader(bytes)
        const clientSideThrottleTime = decodeHead(reader)
        return { memberAssignment: reader.buffer(), clientSideThrottleTime }
      },
      parse: async (data) => data,
    },
  }
}

/** Heartbeat v3. */
export function heartbeatRequest({
  groupId,
  memberId,
  instanceId,
  generationId,
}: GroupMemberIdentity & Generation): ProtocolRequest<object> {
  return {
    logResponseError: false,
    request: {
      ...{ apiKey: 12, apiVersion: 3, apiName: 'Heartbeat' },
      encode: async () =>
        new ByteWriter().string(groupId).int32(generationId).string(memberId).string(instanceId).finish(),
    },
    response: {
      decode: async (bytes) => {
        const reader = new ByteReader(bytes)
        const clientSideThrottleTime = decodeHead(reader)
        return { clientSideThrottleTime }
      },
      parse: async (data) => data,
    },
  }
}

/** How long the broker asks to be left alone, ms. Throws the error that it answers. */
function decodeHead(reader: ByteReader): number {
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  if (errorCode !== 0) throw createErrorFromCode(errorCode)
  return clientSideThrottleTime
}
