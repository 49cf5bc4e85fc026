import { compressions } from '../compression/compression.ts'
import { logLevels } from '../logger.ts'
import { badSetting, variableOf } from './read-settings.ts'
import { type ConfigOf, setting } from './setting.ts'

const brokerPattern =
  /^([^\s:]+|\[[\da-f:]+\]):([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/i

/** Which Kafka to use, and how to log in there. */
export const kafkaSettings = {
  /** `host:port` separated by commas; without it, the embedded broker. */
  kafkaBrokers: setting.list(brokerPattern, {
    placeholder: '<list>',
    description: 'Kafka to use, host:port separated by commas; without it, the embedded broker',
    expected: 'a comma list of host:port, such as localhost:9092',
  }),
  /** Whether to speak TLS; default: no. */
  kafkaSsl: setting.boolean({
    placeholder: '<boolean>',
    description: 'whether to speak TLS with Kafka',
    default: 'false',
  }),
  /** It needs a user and a password. */
  kafkaSaslMechanism: setting.oneOf(['plain', 'scram-sha-256', 'scram-sha-512'], {
    placeholder: '<name>',
    description: 'how to log in to Kafka; needs a user and a password',
    expected: 'plain, scram-sha-256 or scram-sha-512',
  }),
  /** Who logs in to Kafka. */
  kafkaUsername: setting.text({ placeholder: '<name>', description: 'user at Kafka', expected: 'a name' }),
  /** Not shown in help or messages. */
  kafkaPassword: setting.text({
    placeholder: '<password>',
    description: 'password at Kafka',
    expected: 'a password',
    secret: true,
  }),
}

/** How a program writes to Kafka. */
export const topicSettings = {
  /** Default `none`; a topic may say otherwise. */
  kafkaCompression: setting.oneOf(compressions, {
    placeholder: '<name>',
    description: 'how what is written to topics is compressed: none, gzip, snappy, lz4 or zstd',
    default: 'none',
  }),
  /** Default: as `kafkaCompression`. */
  kafkaInternalCompression: setting.oneOf(compressions, {
    placeholder: '<name>',
    description: 'the same for changelogs and repartition topics',
  }),
}

/** What a program takes of its machine, and how much it says. */
export const machineSettings = {
  /** Default `./data`; one process at a time. */
  dataDir: setting.text({
    placeholder: '<folder>',
    description: 'where what is embedded and the state stores keep their data',
    default: './data',
    expected: 'a folder',
  }),
  /** Default 127.0.0.1. */
  host: setting.text({
    placeholder: '<address>',
    description: 'address to serve on',
    default: '127.0.0.1',
    expected: 'an address of this machine',
  }),
  /** Default 8502; 0: any free one. */
  port: setting.wholeNumber({
    placeholder: '<n>',
    description: 'port to serve on; 0: any free one',
    default: '8502',
    min: 0,
    max: 65_535,
  }),
  /** Default `info`. */
  logLevel: setting.oneOf(logLevels, {
    placeholder: '<level>',
    description: 'least important lines to log',
    default: 'info',
  }),
}

/** What every program is told, whatever it does. */
export type CommonConfig = ConfigOf<typeof kafkaSettings & typeof topicSettings & typeof machineSettings>

/** How to log in to Kafka. Throws `BAD_CONFIG` where a part of it is missing. */
export function kafkaSecurity({
  kafkaSsl: ssl,
  kafkaSaslMechanism: mechanism,
  kafkaUsername: username,
  kafkaPassword: password,
}: ConfigOf<typeof kafkaSettings>) {
  if (mechanism === undefined) {
    if (username === undefined && password === undefined) return { ssl }
    throw badSetting(
      'kafkaSaslMechanism',
      `${variableOf('kafkaSaslMechanism')} is not set, but ${variableOf('kafkaUsername')} or ${variableOf('kafkaPassword')} is: say ${kafkaSettings.kafkaSaslMechanism.expected}`,
    )
  }
  if (username !== undefined && password !== undefined)
    return { ssl, sasl: { mechanism, username, password } }
  const missing = username === undefined ? 'kafkaUsername' : 'kafkaPassword'
  throw badSetting(
    missing,
    `${variableOf(missing)} is not set, but ${variableOf('kafkaSaslMechanism')} is ${JSON.stringify(mechanism)}: it needs a user and a password`,
  )
}
