import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { everything, grant, type Permission, type Permissions } from './acls.ts'
import { type Certificate, Certificates, chained } from './certificates.ts'
import { type RealKafka, startRealKafka } from './real-kafka.ts'

/** An Apache Kafka with a listener for each way to speak with it, and an authorizer. */
export interface SecuredKafka extends RealKafka {
  readonly ca: Certificate
  /** Of an authority that Kafka does not know. */
  readonly strangeCa: Certificate
  /** Signed by the authority that the listener MTLS trusts: the user `CN=carol`. */
  readonly carol: Certificate
  /** Carol's key, with the password `carol-secret`. */
  readonly carolsLockedKey: string
  /** As carol's, of the strange authority. */
  readonly stranger: Certificate
}

/** Who may do anything: `alice` by PLAIN, `bob` by SCRAM, `olga` by a token, `carol` by her certificate. */
const superUsers = ['ANONYMOUS', 'alice', 'bob', 'olga', 'CN=carol']

const listeners = {
  SSL: 'SSL',
  MTLS: 'SSL',
  ELSEWHERE: 'SSL',
  SASL_SSL: 'SASL_SSL',
  SASL_PLAINTEXT: 'SASL_PLAINTEXT',
  ONLY_PLAIN: 'SASL_PLAINTEXT',
  SHORT: 'SASL_PLAINTEXT',
} as const

const allBut = (...denied: readonly Permission[]): Permissions => ({ allowed: everything, denied })

/** By PLAIN; `mallory` may do nothing at all, `ann` just what the program `counting` needs on topics that are there. */
const restricted: Readonly<Record<string, Permissions>> = {
  ann: {
    allowed: [
      { operation: 'READ', of: 'TOPIC', name: 'words' },
      { operation: 'WRITE', of: 'TOPIC', name: 'words' },
      { operation: 'WRITE', of: 'TOPIC', name: 'words-dead-letters' },
      { operation: 'WRITE', of: 'TOPIC', name: 'said-dead-letters' },
      { operation: 'READ', of: 'TOPIC', name: 'counting-', prefix: true },
      { operation: 'WRITE', of: 'TOPIC', name: 'counting-', prefix: true },
      { operation: 'DELETE', of: 'TOPIC', name: 'counting-', prefix: true },
      { operation: 'READ', of: 'GROUP', name: 'counting', prefix: true },
      { operation: 'WRITE', of: 'TRANSACTIONAL_ID', name: 'counting-', prefix: true },
    ],
  },
  nocreate: allBut(
    { operation: 'CREATE', of: 'TOPIC', name: '*' },
    { operation: 'CREATE', of: 'CLUSTER', name: 'kafka-cluster' },
  ),
  nowrite: allBut({ operation: 'WRITE', of: 'TOPIC', name: 'nowrite-words' }),
  noread: allBut({ operation: 'READ', of: 'TOPIC', name: 'noread-words' }),
  nogroup: allBut({ operation: 'READ', of: 'GROUP', name: 'nogroup-counting' }),
  notransaction: allBut({
    operation: 'WRITE',
    of: 'TRANSACTIONAL_ID',
    name: 'notransaction-counting-said-position',
  }),
}
const passwordUsers = ['alice', 'mallory', ...Object.keys(restricted)]

/** Sessions of the listener SHORT. */
export const shortSessionMs = 2_000

/** The password of `user`, by PLAIN as by SCRAM. */
export const passwordOf = (user: string) => `${user}-secret`

/** Starts it, or says why it can't be had. */
export async function startSecuredKafka(): Promise<SecuredKafka | { readonly unavailable: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'rivulet-certificates-'))
  const certificates = new Certificates(dir)
  let ca: Certificate
  try {
    ca = await certificates.authority('authority')
  } catch {
    return { unavailable: 'openssl is not installed' }
  }
  const strangeCa = await certificates.authority('strange')
  const here = await certificates.signed('broker', ca, 'DNS:localhost,IP:127.0.0.1')
  const elsewhere = await certificates.signed('elsewhere', ca, 'DNS:kafka.example')
  const carol = await certificates.signed('carol', ca)
  const keyStore = async (name: string, certificate: Certificate) => {
    const file = join(dir, `${name}.store`)
    await writeFile(file, await chained(certificate))
    return { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file }
  }
  const of = (listener: string, properties: object) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        `listener.name.${listener.toLowerCase()}.${name}`,
        value,
      ]),
    )

  const started = await startRealKafka({
    listeners,
    scramUsers: ['256', '512'].map((bits) => `SCRAM-SHA-${bits}=[name=bob,password=${passwordOf('bob')}]`),
    properties: {
      ...(await keyStore('broker', here)),
      ...of('MTLS', {
        'ssl.client.auth': 'required',
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': ca.cert,
      }),
      ...of('ELSEWHERE', await keyStore('elsewhere', elsewhere)),
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...of('ONLY_PLAIN', { 'sasl.enabled.mechanisms': 'PLAIN' }),
      ...of('SHORT', { 'connections.max.reauth.ms': String(shortSessionMs) }),
      ...Object.assign(
        {},
        ...['SASL_SSL', 'SASL_PLAINTEXT', 'ONLY_PLAIN', 'SHORT'].map((listener) =>
          of(listener, loginModules()),
        ),
      ),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': superUsers.map((user) => `User:${user}`).join(';'),
    },
  })
  if ('unavailable' in started) {
    await rm(dir, { recursive: true })
    return started
  }
  await grant(started.brokers, restricted)
  return {
    ...started,
    ca,
    strangeCa,
    carol,
    carolsLockedKey: await certificates.locked(carol, passwordOf('carol')),
    stranger: await certificates.signed('stranger', strangeCa),
    async stop() {
      await started.stop()
      await rm(dir, { recursive: true })
    },
  }
}

/** Kafka's own validator takes tokens that nobody has signed: what is tested here is the client. */
function loginModules(): Readonly<Record<string, string>> {
  const passwords = passwordUsers.map((user) => `user_${user}="${passwordOf(user)}"`).join(' ')
  const required = (module: string, options = '') =>
    `org.apache.kafka.common.security.${module} required${options && ` ${options}`};`
  return {
    'plain.sasl.jaas.config': required('plain.PlainLoginModule', passwords),
    'scram-sha-256.sasl.jaas.config': required('scram.ScramLoginModule'),
    'scram-sha-512.sasl.jaas.config': required('scram.ScramLoginModule'),
    'oauthbearer.sasl.jaas.config': required(
      'oauthbearer.OAuthBearerLoginModule',
      'unsecuredLoginStringClaim_sub="broker"',
    ),
  }
}
