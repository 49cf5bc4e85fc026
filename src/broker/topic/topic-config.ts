import { errorCodes, KafkaError } from '../protocol/error-codes.ts'

/** The settings of a topic that its logs heed. −1 is "no limit", as in Kafka. */
export interface LogConfig {
  readonly deletes: boolean
  readonly compacts: boolean
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  readonly maxMessageBytes: number
  readonly stampsAppendTime: boolean
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
}

const longMax = '9223372036854775807'

interface Setting {
  readonly fallback: string
  readonly valid: RegExp
}

/** Kafka's topic settings with its defaults. Source: Kafka `TopicConfig`, `LogConfig`. */
const settings: Readonly<Record<string, Setting>> = {
  'cleanup.policy': { fallback: 'delete', valid: /^(delete|compact)(, *(delete|compact))?$/ },
  'compression.type': { fallback: 'producer', valid: /^(producer|uncompressed|gzip|snappy|lz4|zstd)$/ },
  'delete.retention.ms': { fallback: '86400000', valid: /^\d+$/ },
  'file.delete.delay.ms': { fallback: '60000', valid: /^\d+$/ },
  'flush.messages': { fallback: longMax, valid: /^[1-9]\d*$/ },
  'flush.ms': { fallback: longMax, valid: /^\d+$/ },
  'index.interval.bytes': { fallback: '4096', valid: /^\d+$/ },
  'max.compaction.lag.ms': { fallback: longMax, valid: /^[1-9]\d*$/ },
  'max.message.bytes': { fallback: '1048588', valid: /^\d+$/ },
  'message.timestamp.after.max.ms': { fallback: '3600000', valid: /^\d+$/ },
  'message.timestamp.before.max.ms': { fallback: longMax, valid: /^\d+$/ },
  'message.timestamp.type': { fallback: 'CreateTime', valid: /^(CreateTime|LogAppendTime)$/ },
  'min.cleanable.dirty.ratio': { fallback: '0.5', valid: /^(0(\.\d+)?|1(\.0+)?)$/ },
  'min.compaction.lag.ms': { fallback: '0', valid: /^\d+$/ },
  'min.insync.replicas': { fallback: '1', valid: /^[1-9]\d*$/ },
  preallocate: { fallback: 'false', valid: /^(true|false)$/ },
  'retention.bytes': { fallback: '-1', valid: /^(-1|\d+)$/ },
  'retention.ms': { fallback: '604800000', valid: /^(-1|\d+)$/ },
  'segment.bytes': { fallback: '33554432', valid: /^\d+$/ },
  'segment.index.bytes': { fallback: '10485760', valid: /^\d+$/ },
  'segment.jitter.ms': { fallback: '0', valid: /^\d+$/ },
  'segment.ms': { fallback: '604800000', valid: /^[1-9]\d*$/ },
  'unclean.leader.election.enable': { fallback: 'false', valid: /^(true|false)$/ },
}

/** Those that a topic's logs heed. The others are kept as the topic was made with them, for clients that give them all. */
const heeded: ReadonlySet<string> = new Set([
  'cleanup.policy',
  'delete.retention.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.ms',
])

export type TopicConfig = Readonly<Record<string, string>>

/** Throws `INVALID_CONFIG` for settings that Kafka has not, and values that it would refuse. */
export function checkTopicConfig(config: Readonly<Record<string, string | null>>): TopicConfig {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(config)) {
    const { valid } = settingOf(name)
    if (value === null || !valid.test(value)) {
      throw new KafkaError(errorCodes.invalidConfig, `Invalid value ${value} for configuration ${name}`)
    }
    checked[name] = value
  }
  return checked
}

/** Throws `INVALID_CONFIG` where they differ in a setting that is not heeded: a change of it would change nothing. */
export function checkConfigChange(before: TopicConfig, after: TopicConfig): void {
  for (const name of Object.keys({ ...before, ...after })) {
    if (before[name] === after[name] || heeded.has(name)) continue
    const message = `This broker does not heed ${name}, so it can't be changed. What can: ${[...heeded].join(', ')}`
    throw new KafkaError(errorCodes.invalidConfig, message)
  }
}

/** The value that counts, given or not; throws `INVALID_CONFIG` where Kafka has no such setting. */
export function settingIn(config: TopicConfig, name: string): string {
  return config[name] ?? settingOf(name).fallback
}

function settingOf(name: string): Setting {
  const setting = Object.hasOwn(settings, name) ? settings[name] : undefined
  if (setting) return setting
  throw new KafkaError(errorCodes.invalidConfig, `Unknown topic config name: ${name}`)
}

/** All settings of a topic as `DescribeConfigs` shows them. */
export function describeTopicConfig(config: TopicConfig): {
  readonly name: string
  readonly value: string
  readonly fallback: string
  readonly isDefault: boolean
}[] {
  return Object.entries(settings).map(([name, { fallback }]) => ({
    ...{ name, fallback },
    value: config[name] ?? fallback,
    isDefault: config[name] === undefined,
  }))
}

export function logConfigOf(config: TopicConfig): LogConfig {
  const text = (name: string) => settingIn(config, name)
  const number = (name: string) => Number(text(name))
  return {
    deletes: text('cleanup.policy').includes('delete'),
    compacts: text('cleanup.policy').includes('compact'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    maxMessageBytes: number('max.message.bytes'),
    stampsAppendTime: text('message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
  }
}
