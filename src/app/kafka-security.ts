import { clientCredentials } from '../kafka/client-credentials.ts'
import type { KafkaOptions, SaslOptions, TokenProvider } from '../kafka/options.ts'
import { kafkaSettings } from './program-settings.ts'
import { badSetting, variableOf } from './read-settings.ts'
import type { ConfigOf } from './setting.ts'
import { tlsOptionsOf } from './tls-settings.ts'

type KafkaConfig = ConfigOf<typeof kafkaSettings>

/** Who makes tokens may be the program itself: then no provider's address is needed. */
export interface OwnToken {
  readonly kafkaToken?: TokenProvider | undefined
}

/** How to speak with Kafka, and how to log in there. Throws `BAD_CONFIG` where a part of it is missing, or makes no sense. */
export function kafkaSecurity(config: KafkaConfig, own: OwnToken = {}): Pick<KafkaOptions, 'ssl' | 'sasl'> {
  checkBrokers(config)
  const tls = tlsOptionsOf('kafka', config)
  if (tls && config.kafkaSsl === false)
    throw badSetting('kafkaSsl', 'KAFKA_SSL is false, but a certificate or a key for TLS with Kafka is given')
  const sasl = saslOf(config, own)
  return { ssl: tls ?? config.kafkaSsl ?? false, ...(sasl && { sasl }) }
}

/** The embedded broker has nothing of it: whoever wants that has forgotten which Kafka it is for. */
function checkBrokers(config: KafkaConfig): void {
  if (config.kafkaBrokers !== undefined) return
  const names = Object.keys(kafkaSettings) as (keyof KafkaConfig)[]
  const given = names.find((name) => config[name] !== undefined && config[name] !== false)
  if (given === undefined) return
  throw badSetting(
    'kafkaBrokers',
    `KAFKA_BROKERS is not set, but ${variableOf(given)} is: say which Kafka it is for; the embedded broker has no TLS, no login and no racks`,
  )
}

function saslOf(config: KafkaConfig, { kafkaToken }: OwnToken): SaslOptions | undefined {
  const { kafkaSaslMechanism: mechanism, kafkaUsername: username, kafkaPassword: password } = config
  if (mechanism === 'oauthbearer') return { mechanism, token: kafkaToken ?? providerOf(config) }
  if (mechanism === undefined) {
    if (username === undefined && password === undefined) return undefined
    throw badSetting(
      'kafkaSaslMechanism',
      `KAFKA_SASL_MECHANISM is not set, but KAFKA_USERNAME or KAFKA_PASSWORD is: say ${kafkaSettings.kafkaSaslMechanism.expected}`,
    )
  }
  if (username === undefined) throw missing('kafkaUsername', mechanism)
  if (password === undefined) throw missing('kafkaPassword', mechanism)
  return { mechanism, username, password }
}

function providerOf(config: KafkaConfig): TokenProvider {
  const {
    kafkaSaslOauthbearerTokenEndpointUrl: tokenEndpointUrl,
    kafkaSaslOauthbearerClientId: clientId,
    kafkaSaslOauthbearerClientSecret: clientSecret,
    kafkaSaslOauthbearerScope: scope,
  } = config
  if (tokenEndpointUrl === undefined) throw missing('kafkaSaslOauthbearerTokenEndpointUrl', 'oauthbearer')
  if (clientId === undefined) throw missing('kafkaSaslOauthbearerClientId', 'oauthbearer')
  if (clientSecret === undefined) throw missing('kafkaSaslOauthbearerClientSecret', 'oauthbearer')
  return clientCredentials({ tokenEndpointUrl, clientId, clientSecret, scope })
}

function missing(name: keyof KafkaConfig, mechanism: string) {
  const needed =
    mechanism === 'oauthbearer' ? 'a token endpoint, a client and its secret' : 'a user and a password'
  return badSetting(
    name,
    `${variableOf(name)} is not set, but KAFKA_SASL_MECHANISM is ${JSON.stringify(mechanism)}: it needs ${needed}`,
  )
}
