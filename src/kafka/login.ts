import { messageOf, RivuletError } from '../errors.ts'
import { type AuthenticationProvider, type Sasl, type SaslMessage, scramProviders } from './internals.ts'
import type { BearerToken, KafkaSettings, PasswordLogin, SaslOptions, TokenLogin } from './options.ts'

/** How long a token may take. */
const tokenMsMax = 10_000

/** Kafkajs's own logins put whatever goes wrong, a broken connection too, into one error, and take a refused token for a good one. */
export function saslOf(login: SaslOptions, clock: KafkaSettings['clock']): Sasl {
  const mechanism = login.mechanism.toUpperCase()
  if ('token' in login) return { mechanism, authenticationProvider: byToken(login, clock) }
  if (login.mechanism === 'plain') return { mechanism, authenticationProvider: byPassword(login) }
  return { mechanism, authenticationProvider: byScram(login.mechanism, login) }
}

/** Source: RFC 4616. */
function byPassword({ username, password }: PasswordLogin): AuthenticationProvider {
  return ({ saslAuthenticate }) => ({
    authenticate: async () => void (await saslAuthenticate(message(`\0${username}\0${password}`))),
  })
}

function byScram(mechanism: keyof typeof scramProviders, login: PasswordLogin): AuthenticationProvider {
  return (node) => ({
    authenticate: async () => {
      let failure: unknown
      const saslAuthenticate: typeof node.saslAuthenticate = (step) =>
        node.saslAuthenticate(step).catch((error) => {
          failure = error
          throw error
        })
      const provider = scramProviders[mechanism](login)
      await provider({ ...node, saslAuthenticate })
        .authenticate()
        .catch((error) => {
          throw failure ?? error
        })
    },
  })
}

/** Source: RFC 7628. A token that is refused is answered with why, and the login fails at the next message. */
function byToken({ token }: TokenLogin, clock: KafkaSettings['clock']): AuthenticationProvider {
  return ({ saslAuthenticate }) => ({
    authenticate: async () => {
      const { value, extensions = {} } = await tokenInTime(token, clock)
      const pairs = Object.entries({ auth: `Bearer ${value}`, ...extensions }).map((pair) => pair.join('='))
      const refused = await saslAuthenticate(message(`n,,\x01${pairs.join('\x01')}\x01\x01`))
      if (refused.length > 0) await saslAuthenticate(message('\x01'))
    },
  })
}

async function tokenInTime(token: TokenLogin['token'], clock: KafkaSettings['clock']): Promise<BearerToken> {
  const waited = new AbortController()
  const overdue = new Promise<never>((_, reject) => {
    const timer = clock.scheduler.schedule(() => {
      const message = `The token to log in to Kafka has not come within ${tokenMsMax / 1000} s`
      reject(new RivuletError('KAFKA_UNREACHABLE', message, { retryable: true }))
    }, tokenMsMax)
    waited.signal.addEventListener('abort', () => timer.unsubscribe(), { once: true })
  })
  try {
    return await Promise.race([token(waited.signal), overdue])
  } catch (cause) {
    if (cause instanceof RivuletError) throw cause
    throw new RivuletError('KAFKA_FAILED', `There is no token to log in to Kafka: ${messageOf(cause)}`, {
      cause,
    })
  } finally {
    waited.abort()
  }
}

/** Resolves with the bytes of the answer. */
function message(text: string): SaslMessage<Buffer> {
  const bytes = Buffer.from(text)
  const lengthed = Buffer.alloc(4 + bytes.length)
  lengthed.writeInt32BE(bytes.length)
  bytes.copy(lengthed, 4)
  return {
    request: { encode: async () => lengthed },
    response: { decode: async (answer) => answer.subarray(4), parse: async (data) => data },
  }
}
