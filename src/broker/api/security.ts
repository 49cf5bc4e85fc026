import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { type Api, noThrottleMs } from './api.ts'

/** As Kafka says it where no authorizer is set. */
const noAuthorizer = 'No Authorizer is configured on the broker'

export const describeAcls: Api = {
  name: 'DescribeAcls',
  key: 29,
  version: 0,
  versionMax: 3,
  flexibleFrom: 2,
  serve: () => (writer) =>
    writer
      .int32(noThrottleMs)
      .int16(errorCodes.securityDisabled)
      .string(noAuthorizer)
      .structs([], () => {}),
}

export const createAcls: Api = {
  name: 'CreateAcls',
  key: 30,
  version: 0,
  versionMax: 3,
  flexibleFrom: 2,
  serve(reader, _services, { version }) {
    const refused = reader.structs(() => readAcl(reader, version))
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .structs(refused, () => writer.int16(errorCodes.securityDisabled).string(noAuthorizer))
  },
}

export const deleteAcls: Api = {
  name: 'DeleteAcls',
  key: 31,
  version: 0,
  versionMax: 3,
  flexibleFrom: 2,
  serve(reader, _services, { version }) {
    const refused = reader.structs(() => readAcl(reader, version))
    return (writer) =>
      writer.int32(noThrottleMs).structs(refused, () =>
        writer
          .int16(errorCodes.securityDisabled)
          .string(noAuthorizer)
          .structs([], () => {}),
      )
  },
}

/** Past one that is to be made, or a filter of some, in which names may be missing. */
function readAcl(reader: Reader, version: number): void {
  reader.int8()
  reader.nullableString()
  if (version >= 1) reader.int8() // Whether the name is a prefix.
  for (let text = 0; text < 2; text++) reader.nullableString() // Who, and from where.
  reader.int8()
  reader.int8()
}

/** There are no users: whoever asks for one is told that it is not known. */
export const describeUserScramCredentials: Api = {
  name: 'DescribeUserScramCredentials',
  key: 50,
  version: 0,
  flexibleFrom: 0,
  serve(reader) {
    const users = reader.structs(() => reader.string())
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(errorCodes.none)
        .string(null)
        .structs(users, (user) =>
          writer
            .string(user)
            .int16(errorCodes.resourceNotFound)
            .string(`Attempt to describe a user credential that does not exist: ${user}`)
            .structs([], () => {}),
        )
  },
}

export const describeClientQuotas: Api = {
  name: 'DescribeClientQuotas',
  key: 48,
  version: 0,
  versionMax: 1,
  flexibleFrom: 1,
  serve: () => (writer) =>
    writer
      .int32(noThrottleMs)
      .int16(errorCodes.none)
      .string(null)
      .structs([], () => {}),
}
