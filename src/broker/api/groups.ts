import type { Group, GroupState } from '../group/group.ts'
import { refusedJoin } from '../group/requests.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import { type Api, check, noThrottleMs, type Services, unknownOperations } from './api.ts'

/** A rebalance may last longer than the connection of whoever waits for it: undefined then. */
async function unlessGone<T>(answer: T | Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let stopListening = () => {}
  const gone = new Promise<undefined>((resolve) => {
    const onAbort = () => resolve(undefined)
    signal.addEventListener('abort', onAbort)
    stopListening = () => signal.removeEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([answer, gone])
  } finally {
    stopListening()
  }
}

/** Asks the group as one of its members; where there is none here, says why. */
function ofGroup(
  { groups, placement }: Services,
  groupId: string,
  ask: (group: Group) => KafkaErrorCode,
): KafkaErrorCode {
  const fault = placement.coordinatorFault('group', groupId)
  if (fault !== errorCodes.none) return fault
  const group = groups.get(groupId)
  return group ? ask(group) : errorCodes.unknownMemberId
}

export const joinGroup: Api = {
  name: 'JoinGroup',
  key: 11,
  version: 0,
  versionMax: 5,
  async serve(reader, { groups, placement }, { clientId, clientHost, signal, version }) {
    const groupId = reader.string()
    const sessionTimeoutMs = reader.int32()
    const rebalanceTimeoutMs = version >= 1 ? reader.int32() : sessionTimeoutMs
    const memberId = reader.string()
    const instanceId = version >= 5 ? reader.nullableString() : null
    const protocolType = reader.string()
    const protocols = reader.array(() => ({ name: reader.string(), metadata: Buffer.from(reader.bytes()) }))
    const fault = placement.coordinatorFault('group', groupId)
    const joined =
      fault === errorCodes.none
        ? groups.join(groupId, {
            ...{
              memberId,
              instanceId,
              clientId,
              clientHost,
              sessionTimeoutMs,
              rebalanceTimeoutMs,
              protocolType,
              protocols,
              learnsIdFirst: version >= 4,
            },
          })
        : refusedJoin(memberId, fault)
    const answer = await unlessGone(joined, signal)
    if (!answer) return undefined
    return (writer) => {
      if (version >= 2) writer.int32(noThrottleMs)
      writer
        .int16(answer.errorCode)
        .int32(answer.generation)
        .string(answer.protocol)
        .string(answer.leaderId)
        .string(answer.memberId)
        .array(answer.members, ({ memberId, instanceId, metadata }) => {
          writer.string(memberId)
          if (version >= 5) writer.string(instanceId)
          writer.bytes(metadata)
        })
    }
  },
}

export const syncGroup: Api = {
  name: 'SyncGroup',
  key: 14,
  version: 0,
  versionMax: 3,
  async serve(reader, { groups, placement }, { signal, version }) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const instanceId = version >= 3 ? reader.nullableString() : null
    const assignments = reader.array(() => ({ memberId: reader.string(), assignment: reader.bytes() }))
    const fault = placement.coordinatorFault('group', groupId)
    const group = fault === errorCodes.none ? groups.get(groupId) : undefined
    const synced = group?.sync({ generation, memberId, instanceId, assignments }) ?? {
      errorCode: fault || errorCodes.unknownMemberId,
      assignment: Buffer.alloc(0),
    }
    const answer = await unlessGone(synced, signal)
    if (!answer) return undefined
    return (writer) => {
      if (version >= 1) writer.int32(noThrottleMs)
      writer.int16(answer.errorCode).bytes(answer.assignment)
    }
  },
}

export const heartbeat: Api = {
  name: 'Heartbeat',
  key: 12,
  version: 0,
  versionMax: 3,
  serve(reader, services, { version }) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const instanceId = version >= 3 ? reader.nullableString() : null
    const errorCode = ofGroup(services, groupId, (group) => group.heartbeat(memberId, generation, instanceId))
    return (writer) => {
      if (version >= 1) writer.int32(noThrottleMs)
      writer.int16(errorCode)
    }
  },
}

export const leaveGroup: Api = {
  name: 'LeaveGroup',
  key: 13,
  version: 0,
  versionMax: 3,
  serve(reader, services, { version }) {
    const groupId = reader.string()
    const leave = (memberId: string, instanceId: string | null) =>
      ofGroup(services, groupId, (group) => group.leave(memberId, instanceId))
    if (version < 3) {
      const errorCode = leave(reader.string(), null)
      return (writer) => {
        if (version >= 1) writer.int32(noThrottleMs)
        writer.int16(errorCode)
      }
    }
    const members = reader.array(() => ({ memberId: reader.string(), instanceId: reader.nullableString() }))
    const answers = members.map((member) => ({
      ...member,
      errorCode: leave(member.memberId, member.instanceId),
    }))
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(errorCodes.none)
        .array(answers, ({ memberId, instanceId, errorCode }) =>
          writer.string(memberId).string(instanceId).int16(errorCode),
        )
  },
}

/** What each version has added to what an operator is told of groups. */
const sinceListed = { states: 4, types: 5 } as const
const sinceDescribed = { operations: 3, instances: 4 } as const
/** Of all groups here, in the terms of KIP-848. */
const classic = 'classic'

export const listGroups: Api = {
  name: 'ListGroups',
  key: 16,
  version: 0,
  versionMax: 5,
  flexibleFrom: 3,
  serve(reader, { groups }, { version }) {
    const wanted = () => reader.array(() => reader.string().toLowerCase())
    const states = version >= sinceListed.states ? wanted() : []
    const types = version >= sinceListed.types ? wanted() : []
    const isWanted = ({ state }: { readonly state: GroupState }) =>
      (states.length === 0 || states.includes(state.toLowerCase())) &&
      (types.length === 0 || types.includes(classic))
    const listed = groups.list().filter(isWanted)
    return (writer) => {
      if (version >= 1) writer.int32(noThrottleMs)
      writer.int16(errorCodes.none).structs(listed, ({ id, protocolType, state }) => {
        writer.string(id).string(protocolType)
        if (version >= sinceListed.states) writer.string(state)
        if (version >= sinceListed.types) writer.string(classic)
      })
    }
  },
}

export const describeGroups: Api = {
  name: 'DescribeGroups',
  key: 15,
  version: 0,
  versionMax: 5,
  flexibleFrom: 5,
  serve(reader, { groups, placement }, { version }) {
    const described = reader.array(() => {
      const id = reader.string()
      const errorCode = placement.coordinatorFault('group', id)
      const group = groups.get(id)
      const state = group?.state ?? (groups.exists(id) ? 'Empty' : 'Dead')
      const members = [...(group?.members ?? [])]
      return {
        id,
        errorCode,
        state,
        members,
        protocolType: group?.protocolType ?? '',
        protocol: group?.protocol ?? '',
      }
    })
    return (writer) => {
      if (version >= 1) writer.int32(noThrottleMs)
      writer.structs(described, ({ id, errorCode, state, members, protocolType, protocol }) => {
        writer
          .int16(errorCode)
          .string(id)
          .string(state)
          .string(protocolType)
          .string(protocol)
          .structs(members, (member) => {
            writer.string(member.id)
            if (version >= sinceDescribed.instances) writer.string(member.instanceId)
            writer
              .string(member.clientId)
              .string(member.clientHost)
              .bytes(member.protocols.find(({ name }) => name === protocol)?.metadata ?? Buffer.alloc(0))
              .bytes(member.assignment)
          })
        if (version >= sinceDescribed.operations) writer.int32(unknownOperations)
      })
    }
  },
}

export const deleteGroups: Api = {
  name: 'DeleteGroups',
  key: 42,
  version: 0,
  versionMax: 1,
  async serve(reader, { groups, placement, faults, durable }) {
    const results = reader.array(() => {
      const id = reader.string()
      try {
        check(placement.coordinatorFault('group', id), 'another node coordinates it')
        return { id, errorCode: groups.delete(id) }
      } catch (error) {
        return { id, errorCode: faults.coordinatorCodeOf(error) }
      }
    })
    await durable([])
    return (writer) =>
      writer.int32(noThrottleMs).array(results, ({ id, errorCode }) => writer.string(id).int16(errorCode))
  },
}
