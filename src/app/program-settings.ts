import { compressions } from '../compression/compression.ts'
import { logLevels } from '../logger.ts'
import { badSetting, variableOf } from './read-settings.ts'
import { type ConfigOf, setting } from './setting.ts'
import { tlsSettings } from './tls-settings.ts'

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
  /** As `broker.rack` says it; default: nowhere, and all is read from leaders. */
  kafkaClientRack: setting.text({
    placeholder: '<name>',
    description: 'rack or zone that this is in, to read from replicas of Kafka there (client.rack)',
    expected: 'a name',
  }),
  /** Whether to speak TLS; default: where one of the other settings for it is given. */
  kafkaSsl: setting.boolean({
    placeholder: '<boolean>',
    description: 'whether to speak TLS with Kafka',
  }),
  ...tlsSettings('kafka', 'Kafka'),
  /** The first three need a user and a password; the last one, an identity provider or the program's own token. */
  kafkaSaslMechanism: setting.oneOf(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'], {
    placeholder: '<name>',
    description: 'how to log in to Kafka; needs a user and a password, or where tokens come from',
    expected: 'plain, scram-sha-256, scram-sha-512 or oauthbearer',
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
  /** Where an OIDC provider gives tokens for client credentials. */
  kafkaSaslOauthbearerTokenEndpointUrl: setting.address(['http', 'https'], {
    placeholder: '<url>',
    description: 'where to get tokens for Kafka, by client credentials',
  }),
  /** The program's name at the provider. */
  kafkaSaslOauthbearerClientId: setting.text({
    placeholder: '<id>',
    description: 'client that gets tokens',
    expected: 'a name',
  }),
  /** Not shown in help or messages. */
  kafkaSaslOauthbearerClientSecret: setting.text({
    placeholder: '<secret>',
    description: 'secret of the client that gets tokens',
    expected: 'a secret',
    secret: true,
  }),
  /** Where the provider wants to know. */
  kafkaSaslOauthbearerScope: setting.text({
    placeholder: '<scopes>',
    description: 'what the tokens are for',
    expected: 'scopes',
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

/** How a program is a member of its groups at Kafka, and how long its transactions may take. */
export const groupSettings = {
  /** Default: none. */
  kafkaGroupInstanceId: setting.text({
    placeholder: '<name>',
    description: 'name of this instance, the same after a restart: then a short one moves no work to others',
    expected: 'a name',
  }),
  /** Default: nowhere. */
  applicationServer: setting.text({
    placeholder: '<host:port>',
    description: 'where other instances send those who ask for what this one has',
    expected: 'host:port',
  }),
  /** Default 10,000. */
  kafkaSessionTimeoutMs: setting.wholeNumber({
    placeholder: '<ms>',
    description: 'how long an instance may be silent before others take over its work',
    default: '10000',
    min: 1_000,
    max: 3_600_000,
  }),
  /** Default 60,000. */
  kafkaRebalanceTimeoutMs: setting.wholeNumber({
    placeholder: '<ms>',
    description: 'how long an instance may take to commit what goes to another one',
    default: '60000',
    min: 1_000,
    max: 3_600_000,
  }),
  /** Default 0. */
  kafkaStandbys: setting.wholeNumber({
    placeholder: '<n>',
    description: 'how many other instances keep copies of the state of each, to take over quickly',
    default: '0',
    min: 0,
    max: 100,
  }),
  /** Default 60,000. */
  kafkaTransactionTimeoutMs: setting.wholeNumber({
    placeholder: '<ms>',
    description: 'how long a transaction may be open before Kafka takes it back',
    default: '60000',
    min: 1_000,
    max: 900_000,
  }),
}

/** What a program takes of its machine, and how much it says. */
export const machineSettings = {
  /** Default: any free port of 127.0.0.1. */
  kafkaListen: setting.listener({
    placeholder: '<[host:]port>',
    description: 'where the embedded broker listens: for other tools, a port of their choice',
  }),
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
  /** Not shown in help or messages. Default: nobody is asked for one. */
  accessToken: setting.token({
    placeholder: '<token>',
    description: 'what requests must know, as a bearer token or once as ?token=, to be answered',
    secret: true,
  }),
  /** Default: on loopback, localhost and 127.0.0.1; elsewhere, any. */
  allowedHosts: setting.list(/^[a-z\d.-]{1,253}$/i, {
    placeholder: '<list>',
    description: 'on loopback, other names by which it is asked, such as that of a proxy',
    expected: 'a comma list of host names, such as charts.example.com',
  }),
  /** Default: on loopback only. */
  showRecords: setting.boolean({
    placeholder: '<boolean>',
    description: 'whether /pipeline shows the records of topics; without it, on loopback only',
  }),
  /** Needs `@opentelemetry/api`, and something registered there. Default `false`. */
  openTelemetry: setting.boolean({
    placeholder: '<boolean>',
    description: 'whether metrics, and spans of commits and writes, go to OpenTelemetry',
    default: 'false',
  }),
  /** Default: where stdout and stderr are a terminal that can do it, and no CI runs. */
  statusBlock: setting.boolean({
    placeholder: '<boolean>',
    description: 'whether a terminal shows how it goes in a few lines below the log',
    default: 'true',
  }),
  /** Default `info`. */
  logLevel: setting.oneOf(logLevels, {
    placeholder: '<level>',
    description: 'least important lines to log',
    default: 'info',
  }),
}

/** What every program is told, whatever it does. */
export type CommonConfig = ConfigOf<
  typeof kafkaSettings & typeof topicSettings & typeof groupSettings & typeof machineSettings
>

/** Throws `BAD_CONFIG` where a broker should listen that is not there. */
export function checkListen({
  kafkaBrokers,
  kafkaListen,
}: Pick<CommonConfig, 'kafkaBrokers' | 'kafkaListen'>): void {
  if (kafkaBrokers === undefined || kafkaListen === undefined) return
  throw badSetting(
    'kafkaListen',
    `${variableOf('kafkaListen')} says where the embedded broker listens, but ${variableOf('kafkaBrokers')} names another Kafka: give one of them`,
  )
}
