import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { variableOf } from '../../src/app/read-settings.ts'
import { RivuletError } from '../../src/errors.ts'
import { createLogger } from '../../src/logger.ts'
import { passwordOf, type SecuredKafka } from './secured-kafka.ts'
import { type CountingOptions, counting, countingVariable, loadedLine } from './security-program.ts'
import type { TokenEndpoint } from './token-endpoint.ts'

/** One way to speak with Kafka, right or wrong. */
export interface SecurityCase extends CountingOptions {
  readonly mechanism: string
  readonly what: string
  readonly listener: string
  readonly env: (at: SecurityRig) => Readonly<Record<string, string>>
  /** Absent: the program runs. */
  readonly refusal?: { readonly sentence: string; readonly setting?: string }
}

export interface SecurityRig {
  readonly kafka: SecuredKafka
  readonly endpoint: TokenEndpoint
}

export interface Attempt {
  /** Absent: it ran, and has written what it read. */
  readonly refusal?: { readonly code: string; readonly sentence: string; readonly setting?: string }
  /** Until it was ready, or had given up. */
  readonly elapsedMs: number
  readonly log: string
}

const ca = ({ kafka }: SecurityRig) => ({ KAFKA_SSL_CA: kafka.ca.cert })
const login = (mechanism: string, user: string, password = passwordOf(user)) => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_USERNAME: user,
  KAFKA_PASSWORD: password,
})
const client = ({ endpoint }: SecurityRig, secret: string) => ({
  KAFKA_SASL_MECHANISM: 'oauthbearer',
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: endpoint.url,
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: 'shop',
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: secret,
})

const untrusted = {
  sentence: 'Kafka at HOST:PORT has a certificate of an authority that is not trusted here: name its CA',
  setting: 'KAFKA_SSL_CA',
}
const noCertificate = {
  sentence: "Kafka at HOST:PORT does not accept this client's certificate, or wants one and got none",
  setting: 'KAFKA_SSL_CERT',
}
const noTls = { sentence: 'Kafka at HOST:PORT does not speak TLS at this port', setting: 'KAFKA_SSL' }
const needsTls = { sentence: 'Kafka at HOST:PORT expects TLS at this port', setting: 'KAFKA_SSL' }
const needsLogin = {
  sentence:
    'Kafka at HOST:PORT wants a login at this port, by OAUTHBEARER or PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512',
  setting: 'KAFKA_SASL_MECHANISM',
}
const forbidden = (what: string, type: string, said: string) => ({
  sentence: `${what}: ${said} (${type}_AUTHORIZATION_FAILED); Kafka's ACLs do not let this user do that`,
})
const topicForbidden = (what: string) =>
  forbidden(what, 'TOPIC', 'Not authorized to access topics: [Topic authorization failed]')

const scramRefused = (user: string, bits: number) => ({
  sentence: `Kafka at HOST:PORT refuses the login of "${user}" by SCRAM-SHA-${bits}: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-${bits}`,
  setting: 'KAFKA_PASSWORD',
})

/** In the order of the table in `docs/security.md`. */
export const securityCases: readonly SecurityCase[] = [
  { mechanism: 'TLS', what: 'its CA, from a file', listener: 'SSL', env: ca },
  {
    mechanism: 'TLS',
    what: 'its CA, as PEM',
    listener: 'SSL',
    env: ({ kafka }) => ({ KAFKA_SSL_CA: readFileSync(kafka.ca.cert, 'utf8') }),
  },
  {
    mechanism: 'TLS',
    what: 'the name of its certificate, which is not its host',
    listener: 'ELSEWHERE',
    env: (at) => ({ ...ca(at), KAFKA_SSL_SERVER_NAME: 'kafka.example' }),
  },
  {
    mechanism: 'TLS',
    what: 'a certificate of another name',
    listener: 'ELSEWHERE',
    env: ca,
    refusal: {
      sentence:
        "Kafka at HOST:PORT has a certificate of another name: Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the cert's list",
      setting: 'KAFKA_SSL_SERVER_NAME',
    },
  },
  {
    mechanism: 'TLS',
    what: 'no CA',
    listener: 'SSL',
    env: () => ({ KAFKA_SSL: 'true' }),
    refusal: untrusted,
  },
  {
    mechanism: 'TLS',
    what: 'the CA of somebody else',
    listener: 'SSL',
    env: ({ kafka }) => ({ KAFKA_SSL_CA: kafka.strangeCa.cert }),
    refusal: untrusted,
  },
  { mechanism: 'TLS', what: 'TLS to a plain port', listener: 'PLAINTEXT', env: ca, refusal: noTls },
  { mechanism: 'TLS', what: 'no TLS to a TLS port', listener: 'SSL', env: () => ({}), refusal: needsTls },
  {
    mechanism: 'mTLS',
    what: 'certificate and key',
    listener: 'MTLS',
    env: (at) => ({ ...ca(at), KAFKA_SSL_CERT: at.kafka.carol.cert, KAFKA_SSL_KEY: at.kafka.carol.key }),
  },
  {
    mechanism: 'mTLS',
    what: 'a key with a password',
    listener: 'MTLS',
    env: (at) => ({
      ...ca(at),
      KAFKA_SSL_CERT: at.kafka.carol.cert,
      KAFKA_SSL_KEY: at.kafka.carolsLockedKey,
      KAFKA_SSL_KEY_PASSWORD: passwordOf('carol'),
    }),
  },
  { mechanism: 'mTLS', what: 'no certificate', listener: 'MTLS', env: ca, refusal: noCertificate },
  {
    mechanism: 'mTLS',
    what: 'a certificate of an unknown authority',
    listener: 'MTLS',
    env: (at) => ({
      ...ca(at),
      KAFKA_SSL_CERT: at.kafka.stranger.cert,
      KAFKA_SSL_KEY: at.kafka.stranger.key,
    }),
    refusal: noCertificate,
  },
  {
    mechanism: 'PLAIN',
    what: 'over TLS',
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), ...login('PLAIN', 'alice') }),
  },
  { mechanism: 'PLAIN', what: 'without TLS', listener: 'SASL_PLAINTEXT', env: () => login('PLAIN', 'alice') },
  {
    mechanism: 'PLAIN',
    what: 'a wrong password',
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), ...login('PLAIN', 'alice', 'guessed-secret') }),
    refusal: {
      sentence:
        'Kafka at HOST:PORT refuses the login of "alice" by PLAIN: Authentication failed: Invalid username or password',
      setting: 'KAFKA_PASSWORD',
    },
  },
  {
    mechanism: 'PLAIN',
    what: 'to a port without login',
    listener: 'PLAINTEXT',
    env: () => login('PLAIN', 'alice'),
    refusal: {
      sentence: 'Kafka at HOST:PORT takes no login at this port',
      setting: 'KAFKA_SASL_MECHANISM',
    },
  },
  {
    mechanism: 'PLAIN',
    what: 'without TLS to a TLS port',
    listener: 'SASL_SSL',
    env: () => login('PLAIN', 'alice'),
    refusal: needsTls,
  },
  {
    mechanism: 'PLAIN',
    what: 'TLS to a port without',
    listener: 'SASL_PLAINTEXT',
    env: (at) => ({ ...ca(at), ...login('PLAIN', 'alice') }),
    refusal: noTls,
  },
  ...([256, 512] as const).flatMap((bits): SecurityCase[] => [
    {
      mechanism: `SCRAM-SHA-${bits}`,
      what: 'over TLS',
      listener: 'SASL_SSL',
      env: (at) => ({ ...ca(at), ...login(`SCRAM-SHA-${bits}`, 'bob') }),
    },
    {
      mechanism: `SCRAM-SHA-${bits}`,
      what: 'without TLS',
      listener: 'SASL_PLAINTEXT',
      env: () => login(`SCRAM-SHA-${bits}`, 'bob'),
    },
    {
      mechanism: `SCRAM-SHA-${bits}`,
      what: 'a wrong password',
      listener: 'SASL_SSL',
      env: (at) => ({ ...ca(at), ...login(`SCRAM-SHA-${bits}`, 'bob', 'guessed-secret') }),
      refusal: scramRefused('bob', bits),
    },
    {
      mechanism: `SCRAM-SHA-${bits}`,
      what: 'an unknown user',
      listener: 'SASL_PLAINTEXT',
      env: () => login(`SCRAM-SHA-${bits}`, 'nobody'),
      refusal: scramRefused('nobody', bits),
    },
    {
      mechanism: `SCRAM-SHA-${bits}`,
      what: 'to a port that takes only PLAIN',
      listener: 'ONLY_PLAIN',
      env: () => login(`SCRAM-SHA-${bits}`, 'bob'),
      refusal: {
        sentence: `Kafka at HOST:PORT takes no login by SCRAM-SHA-${bits} at this port`,
        setting: 'KAFKA_SASL_MECHANISM',
      },
    },
  ]),
  {
    mechanism: 'OAUTHBEARER',
    what: 'client credentials',
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), ...client(at, 'shop-secret') }),
  },
  {
    mechanism: 'OAUTHBEARER',
    what: "the program's own token",
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }),
    tokenSecondsLeft: 600,
  },
  {
    mechanism: 'OAUTHBEARER',
    what: 'a wrong secret at the provider',
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), ...client(at, 'guessed-secret') }),
    refusal: {
      sentence: 'The token endpoint http://HOST:PORT/token refuses the client "shop": 401 invalid_client',
      setting: 'KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET',
    },
  },
  {
    mechanism: 'OAUTHBEARER',
    what: 'a token that has expired',
    listener: 'SASL_SSL',
    env: (at) => ({ ...ca(at), KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }),
    tokenSecondsLeft: -60,
    refusal: { sentence: 'Kafka at HOST:PORT refuses the token by OAUTHBEARER: {"status":"invalid_token"}' },
  },
  {
    mechanism: 'none',
    what: 'no login to a port that wants one',
    listener: 'SASL_PLAINTEXT',
    env: () => ({}),
    refusal: needsLogin,
  },
  { mechanism: 'none', what: 'the same over TLS', listener: 'SASL_SSL', env: ca, refusal: needsLogin },
  {
    mechanism: 'ACLs',
    what: 'the permissions above, on topics that are there',
    listener: 'SASL_PLAINTEXT',
    env: () => login('PLAIN', 'ann'),
  },
  ...(
    [
      ['no permission at all', 'mallory', topicForbidden("Can't ask for topic mallory-said-dead-letters")],
      ['no CREATE', 'nocreate', topicForbidden("Can't make topic nocreate-said-dead-letters")],
      [
        'no WRITE on a topic',
        'nowrite',
        topicForbidden(
          "Can't add partition 0 of topic nowrite-words to the transaction of nowrite-counting-said-position",
        ),
      ],
      ['no READ on a topic', 'noread', topicForbidden("Can't read partition 0 of topic noread-words")],
      [
        'no READ on its group',
        'nogroup',
        forbidden(
          "Can't join group nogroup-counting",
          'GROUP',
          'Not authorized to access group: Group authorization failed',
        ),
      ],
      [
        'no WRITE on its transactional id',
        'notransaction',
        forbidden(
          "Can't take over notransaction-counting-said-position",
          'TRANSACTIONAL_ID',
          'Transactional Id authorization failed',
        ),
      ],
    ] as const
  ).map(
    ([what, user, refusal]): SecurityCase => ({
      mechanism: 'ACLs',
      what,
      listener: 'SASL_PLAINTEXT',
      env: () => login('PLAIN', user),
      refusal,
      // What one of them leaves behind is nothing to the next.
      prefix: user,
    }),
  ),
]

/** As long as an operator may wait for the sentence. */
export const refusalMsMax = 5_000

/** All that must never be written anywhere. */
export const secrets: readonly string[] = [
  ...['alice', 'bob', 'carol', 'shop', 'guessed', 'nobody'].map(passwordOf),
  ...['alice', 'guessed'].map((whose) => Buffer.from(`\0alice\0${passwordOf(whose)}`).toString('base64')),
]

/** Starts a program, and stops it when it is ready. */
export async function attempt(wanted: SecurityCase, rig: SecurityRig): Promise<Attempt> {
  const { listener, env } = wanted
  const dataDir = await mkdtemp(join(tmpdir(), 'rivulet-security-'))
  const lines: string[] = []
  const logger = createLogger({
    level: 'trace',
    readable: false,
    destination: { write: (line) => lines.push(line) },
  })
  const startedMs = performance.now()
  try {
    const { running, stop } = await counting(wanted).start({
      args: ['--port', '0', '--data-dir', dataDir],
      env: { KAFKA_BROKERS: rig.kafka.listeners[listener], ...env(rig) },
      logger,
    })
    const elapsedMs = performance.now() - startedMs
    // What is forbidden may show only when it is tried.
    if (wanted.refusal) await Promise.race([running.done, sleep(refusalMsMax)])
    const { ready, why } = running.ready()
    const outcome = await stop()
    if (!ready || outcome !== 'drained')
      throw new Error(`it is not ready, but ${outcome}: ${why}\n${lines.join('')}`)
    return { elapsedMs, log: lines.join('') }
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error
    const { code, message, place } = error
    const refusal = refusalOf({ code, parameter: place.parameter }, message)
    return { refusal, elapsedMs: performance.now() - startedMs, log: `${lines.join('')}${message}` }
  } finally {
    await rm(dataDir, { recursive: true })
  }
}

/** The same in a process of its own, as an operator starts it. Rejects where it ends in another way than it should. */
export async function attemptInProcess(wanted: SecurityCase, rig: SecurityRig): Promise<Attempt> {
  const { listener, env, tokenSecondsLeft, prefix } = wanted
  const dataDir = await mkdtemp(join(tmpdir(), 'rivulet-security-'))
  const file = join(import.meta.dirname, 'security-program.ts')
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', file, '--port', '0', '--data-dir', dataDir, '--log-level', 'trace'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        KAFKA_BROKERS: rig.kafka.listeners[listener],
        ...env(rig),
        [countingVariable]: JSON.stringify({ tokenSecondsLeft, prefix }),
      },
    },
  )
  let [loadedMs, readyMs, log, said] = [0, 0, '', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.includes(loadedLine)) loadedMs ||= performance.now()
    if (!said.includes('Ready: ') || readyMs > 0) return
    readyMs = performance.now()
    // What is forbidden may show only when it is tried.
    if (!wanted.refusal) child.kill('SIGTERM')
  })
  const overdue = setTimeout(() => child.kill('SIGTERM'), 6 * refusalMsMax)
  const [code] = await once(child, 'close')
  clearTimeout(overdue)
  await rm(dataDir, { recursive: true, force: true })
  const endedMs = performance.now()
  if (code === 0 && readyMs > 0) return { elapsedMs: readyMs - loadedMs, log: said + log }
  const last = log
    .trim()
    .split('\n')
    .findLast((line) => line.startsWith('{"level":"fatal"'))
  if (code !== 1 || last === undefined) throw new Error(`it ended with ${code}:\n${log.slice(-2_000)}`)
  const { error, msg } = JSON.parse(last)
  return { refusal: refusalOf(error, msg), elapsedMs: endedMs - loadedMs, log: said + log }
}

/** With what is not the same each time left out, and the setting in place of how it is called. */
function refusalOf({ code, parameter }: { code: string; parameter?: string | undefined }, message: string) {
  const setting = parameter === undefined ? undefined : variableOf(parameter)
  const sentence = message
    .replaceAll(/\b127\.0\.0\.1:\d+/g, 'HOST:PORT')
    .replace(new RegExp(` \\(set by ${setting} or \\S+\\)$`), '')
  return { code, sentence, ...(setting !== undefined && { setting }) }
}

/** The matrix as Markdown: what the tests hold, and what an operator reads. */
export function securityTable(): string {
  const rows = securityCases.map(({ mechanism, what, refusal }) => [
    mechanism,
    what,
    refusal ? refusal.sentence : 'runs',
    refusal?.setting === undefined ? '' : `\`${refusal.setting}\``,
  ])
  const lines = [['How', 'With', 'What comes of it', 'Setting'], ['---', '---', '---', '---'], ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
