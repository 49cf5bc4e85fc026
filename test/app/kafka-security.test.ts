import { describe, expect, test } from 'vitest'
import { kafkaSecurity } from '../../src/app/kafka-security.ts'
import { kafkaSettings, machineSettings } from '../../src/app/program-settings.ts'
import { toldBy } from '../../src/app/read-settings.ts'
import { RivuletError } from '../../src/errors.ts'

const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----'
const brokers = { KAFKA_BROKERS: 'kafka:9092' }

/** Among the others that a program has. */
function securityBy(env: Readonly<Record<string, string>>, own = {}) {
  return kafkaSecurity(toldBy({ ...kafkaSettings, ...machineSettings }, {}, env).config, own)
}

describe('the security settings of Kafka', () => {
  test('are none without any', () => {
    expect(securityBy({})).toEqual({ ssl: false })
    expect(securityBy({ ...brokers, KAFKA_SSL: 'false' })).toEqual({ ssl: false })
  })

  test('mean TLS where a certificate or a name is given', () => {
    expect(securityBy({ ...brokers, KAFKA_SSL: 'true' })).toEqual({ ssl: true })
    expect(securityBy({ ...brokers, KAFKA_SSL_CA: pem })).toMatchObject({ ssl: { ca: pem } })
    expect(securityBy({ ...brokers, KAFKA_SSL_SERVER_NAME: 'kafka' })).toMatchObject({
      ssl: { serverName: 'kafka' },
    })
  })

  test('need no provider where the program has its own token', () => {
    const kafkaToken = async () => ({ value: 'token' })
    expect(securityBy({ ...brokers, KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }, { kafkaToken })).toEqual({
      ssl: false,
      sasl: { mechanism: 'oauthbearer', token: kafkaToken },
    })
  })

  test.for([
    [{ KAFKA_SSL: 'true' }, 'KAFKA_BROKERS is not set, but KAFKA_SSL is'],
    [{ KAFKA_SSL_CA: pem }, 'KAFKA_BROKERS is not set, but KAFKA_SSL_CA is'],
    [{ KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_BROKERS is not set, but KAFKA_SASL_MECHANISM is'],
    [{ KAFKA_PASSWORD: 'x-secret' }, 'KAFKA_BROKERS is not set, but KAFKA_PASSWORD is'],
    [{ KAFKA_CLIENT_RACK: 'east' }, 'KAFKA_BROKERS is not set, but KAFKA_CLIENT_RACK is'],
    [{ ...brokers, KAFKA_SSL: 'no', KAFKA_SSL_CA: pem }, 'KAFKA_SSL is false, but a certificate'],
    [{ ...brokers, KAFKA_SSL_CERT: pem }, 'KAFKA_SSL_KEY is not set, but KAFKA_SSL_CERT is'],
    [{ ...brokers, KAFKA_SSL_KEY: pem }, 'KAFKA_SSL_CERT is not set, but KAFKA_SSL_KEY is'],
    [{ ...brokers, KAFKA_SSL_CA: './nowhere.pem' }, 'KAFKA_SSL_CA is "./nowhere.pem", but it must be PEM'],
    [{ ...brokers, KAFKA_SSL_CA: 'package.json' }, 'KAFKA_SSL_CA is "package.json", but it must be PEM'],
    [{ ...brokers, KAFKA_SSL_KEY: 'x-secret' }, 'KAFKA_SSL_KEY is not shown, but it must be PEM'],
    [{ ...brokers, KAFKA_USERNAME: 'ann' }, 'KAFKA_SASL_MECHANISM is not set, but KAFKA_USERNAME'],
    [{ ...brokers, KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_USERNAME is not set, but KAFKA_SASL_MECHANISM'],
    [
      { ...brokers, KAFKA_SASL_MECHANISM: 'plain', KAFKA_USERNAME: 'ann' },
      'KAFKA_PASSWORD is not set, but KAFKA_SASL_MECHANISM is "plain"',
    ],
    [
      { ...brokers, KAFKA_SASL_MECHANISM: 'oauthbearer' },
      'KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL is not set, but KAFKA_SASL_MECHANISM is "oauthbearer"',
    ],
  ] as const)('are refused for %j', ([env, sentence]) => {
    const refused = () => securityBy(env)
    expect(refused).toThrow(sentence)
    expect(refused).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
    expect(refused).not.toThrow('x-secret')
    expect(refused).toThrow(RivuletError)
  })
})
