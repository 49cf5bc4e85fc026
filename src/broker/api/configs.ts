import { messageOf } from '../../errors.ts'
import { errorCodes, KafkaError, type KafkaErrorCode } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { describeTopicConfig, settingIn, type TopicConfig } from '../topic/topic-config.ts'
import { type Answer, type Api, check, noThrottleMs, type Services } from './api.ts'

const resourceTypes = { topic: 2, broker: 4, group: 32 } as const
const unknownType = 0
const sources = { topic: 1, default: 5 } as const

interface Resource {
  readonly type: number
  readonly name: string
}

export const describeConfigs: Api = {
  name: 'DescribeConfigs',
  key: 32,
  version: 0,
  versionMax: 4,
  flexibleFrom: 4,
  serve(reader, services, { version }) {
    const wanted = reader.structs(() => ({
      type: reader.int8(),
      name: reader.string(),
      names: reader.nullableArray(() => reader.string()),
    }))
    const hasSynonyms = version >= 1 && reader.boolean()
    const described = wanted.map(({ names, ...resource }) => ({
      ...resource,
      ...describe(services, resource, names),
    }))
    return (writer) =>
      writer.int32(noThrottleMs).structs(described, ({ type, name, errorCode, message, entries }) =>
        writer
          .int16(errorCode)
          .string(message)
          .int8(type)
          .string(name)
          .structs(entries, ({ isDefault, fallback, ...entry }) => {
            writer.string(entry.name).string(entry.value).boolean(false) // Not read-only.
            if (version >= 1) writer.int8(isDefault ? sources.default : sources.topic)
            else writer.boolean(isDefault)
            writer.boolean(false) // Not sensitive.
            if (version < 1) return
            const given = isDefault ? [] : [{ value: entry.value, source: sources.topic }]
            const synonyms = hasSynonyms ? [...given, { value: fallback, source: sources.default }] : []
            writer.structs(synonyms, ({ value, source }) =>
              writer.string(entry.name).string(value).int8(source),
            )
            if (version >= 3) writer.int8(unknownType).string(null) // What it is for: Kafka's documentation says.
          }),
      )
  },
}

/** Neither the broker nor groups have settings that are shown here. */
function describe({ topics }: Services, { type, name }: Resource, names: readonly string[] | null) {
  const answer = { errorCode: errorCodes.none as KafkaErrorCode, message: null as string | null }
  if (type === resourceTypes.broker || type === resourceTypes.group) return { ...answer, entries: [] }
  if (type !== resourceTypes.topic) {
    const message = `Resource type ${type} has no config.`
    return { errorCode: errorCodes.invalidRequest, message, entries: [] }
  }
  const topic = topics.get(name)
  if (!topic) {
    const message = `Topic '${name}' does not exist.`
    return { errorCode: errorCodes.unknownTopicOrPartition, message, entries: [] }
  }
  const entries = describeTopicConfig(topic.config).filter((entry) => names?.includes(entry.name) ?? true)
  return { ...answer, entries }
}

/** What an entry of IncrementalAlterConfigs does to its setting. */
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

interface Change {
  readonly name: string
  readonly operation: number
  readonly value: string | null
}

type Wanted = Readonly<Record<string, string | null>>

/** Replaces all settings: what is not named goes back to its default. */
export const alterConfigs: Api = {
  name: 'AlterConfigs',
  key: 33,
  version: 0,
  versionMax: 2,
  flexibleFrom: 2,
  serve(reader, services) {
    const setting = () => [reader.string(), reader.nullableString()] as const
    return alter(reader, services, () => {
      const wanted = Object.fromEntries(reader.structs(setting))
      return () => wanted
    })
  },
}

export const incrementalAlterConfigs: Api = {
  name: 'IncrementalAlterConfigs',
  key: 44,
  version: 0,
  versionMax: 1,
  flexibleFrom: 1,
  serve(reader, services) {
    const change = (): Change => ({
      name: reader.string(),
      operation: reader.int8(),
      value: reader.nullableString(),
    })
    return alter(reader, services, () => {
      const changes = reader.structs(change)
      return (config) => changes.reduce<Wanted>(changed, config)
    })
  },
}

/** Both are answered alike; `read` reads of one resource how its settings become those that are wanted. */
async function alter(
  reader: Reader,
  services: Services,
  read: () => (config: TopicConfig) => Wanted,
): Promise<Answer> {
  const resources = reader.structs(() => ({ type: reader.int8(), name: reader.string(), want: read() }))
  const validateOnly = reader.boolean()
  const outcomes = resources.map(({ want, ...resource }) => {
    try {
      check(services.placement.controllerFault(), 'another node is the controller')
      const { name, config } = topicOf(services, resource)
      services.topics.configure(name, want(config), validateOnly)
      return { ...resource, errorCode: errorCodes.none, message: null }
    } catch (error) {
      return { ...resource, errorCode: services.faults.codeOf(error), message: messageOf(error) }
    }
  })
  await services.durable([])
  return (writer) =>
    writer
      .int32(noThrottleMs)
      .structs(outcomes, ({ errorCode, message, type, name }) =>
        writer.int16(errorCode).string(message).int8(type).string(name),
      )
}

function topicOf({ topics }: Services, { type, name }: Resource) {
  if (type !== resourceTypes.topic) {
    const message =
      'Only the settings of topics can be changed; the broker has those of the program it runs in.'
    throw new KafkaError(errorCodes.invalidRequest, message)
  }
  const topic = topics.get(name)
  if (topic) return topic
  throw new KafkaError(errorCodes.unknownTopicOrPartition, `The topic '${name}' does not exist.`)
}

function changed(config: Wanted, { name, operation, value }: Change): Wanted {
  const { [name]: before, ...others } = config
  if (operation === operations.delete) return others
  if (operation === operations.set) return { ...config, [name]: value }
  const named = listed(name, value)
  const members = new Set((before ?? settingIn({}, name)).split(/ *, */))
  for (const member of named) {
    if (operation === operations.append) members.add(member)
    else if (operation === operations.subtract) members.delete(member)
    else throw new KafkaError(errorCodes.invalidRequest, `There is no operation ${operation} on a setting.`)
  }
  return { ...config, [name]: [...members].join(',') }
}

/** Throws `INVALID_CONFIG` for a setting that is no list: there is one that is. */
function listed(name: string, value: string | null): string[] {
  if (name === 'cleanup.policy' && value !== null) return value.split(/ *, */)
  throw new KafkaError(
    errorCodes.invalidConfig,
    `Nothing can be added to or taken from ${name}: it is no list.`,
  )
}
