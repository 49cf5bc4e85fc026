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

/** Kafka's topic settings with its defaults. Source: Kafka `TopicConfig`, `LogConfig`. */
const settings: Readonly<Record<string, { readonly fallback: string; readonly valid: RegExp }>> = {
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

export type TopicConfig = Readonly<Record<string, string>>

/** Throws `INVALID_CONFIG` for settings that Kafka has not, and values that it would refuse. */
export function checkTopicConfig(config: Readonly<Record<string, string | null>>): TopicConfig {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(config)) {
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined
    if (!setting) throw new KafkaError(errorCodes.invalidConfig, `Unknown topic config name: ${name}`)
    if (value === null || !setting.valid.test(value)) {
      throw new KafkaError(errorCodes.invalidConfig, `Invalid value ${value} for configuration ${name}`)
    }
    checked[name] = value
  }
  return checked
}

/** All settings of a topic as `DescribeConfigs` shows them. */
export function describeTopicConfig(
  config: TopicConfig,
): { readonly name: string; readonly value: string; readonly isDefault: boolean }[] {
  return Object.entries(settings).map(([name, { fallback }]) => ({
    name,
    value: config[name] ?? fallback,
    isDefault: config[name] === undefined,
  }))
}

export function logConfigOf(config: TopicConfig): LogConfig {
  const text = (name: keyof typeof settings & string) => config[name] ?? settings[name]?.fallback ?? ''
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
