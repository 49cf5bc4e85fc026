import { type Clock, systemClock } from '../clock.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { tlsRefusalOf } from '../tls.ts'
import type { BearerToken, TokenProvider } from './options.ts'

/** Who asks an identity provider for a token, and where. */
export interface ClientCredentials {
  /** The provider's token endpoint, such as `https://login.example/oauth2/token`. */
  readonly tokenEndpointUrl: string
  /** As the provider knows the program. */
  readonly clientId: string
  /** The program's password there. */
  readonly clientSecret: string
  /** What the token is for, where the provider wants to know. */
  readonly scope?: string | undefined
  /** For how long a token is kept. Default: the machine's. */
  readonly clock?: Clock
}

/** As Kafka's `sasl.login.refresh.window.factor`. */
const keptPart = 0.8
const refusedStatuses = new Set([400, 401, 403])
/** Of those that blame the request, the ones that don't the next time. */
const busyStatuses = new Set([408, 425, 429])

/**
 * Tokens by OAuth 2.0's client credentials, from an OIDC provider. A token is kept for four fifths of the time that the provider
 * gives it. An endpoint that can't be reached, or that is in trouble itself, is asked again: nothing can be done without
 * it. Source: KIP-768, RFC 6749 (4.4).
 *
 * @example
 * ```ts
 * const token = clientCredentials({
 *   tokenEndpointUrl: 'https://login.example/oauth2/token',
 *   clientId: 'shop',
 *   clientSecret: process.env.CLIENT_SECRET ?? '',
 * })
 * connectKafka({ brokers: ['kafka:9093'], clientId: 'shop', ssl: true, sasl: { mechanism: 'oauthbearer', token } })
 * ```
 */
export function clientCredentials(credentials: ClientCredentials): TokenProvider {
  const { clock = systemClock } = credentials
  let kept: Promise<BearerToken> | undefined
  let keptUntilMs = 0
  return (signal) => {
    if (kept && clock.now() < keptUntilMs) return kept
    // Until it is known how long it may be kept, all that log in wait for the same one.
    keptUntilMs = Number.POSITIVE_INFINITY
    const asked = ask(credentials, signal).then(
      ({ value, expiresMs }) => {
        keptUntilMs = clock.now() + keptPart * expiresMs
        return { value }
      },
      (error: unknown) => {
        keptUntilMs = 0
        throw error
      },
    )
    kept = asked
    return asked
  }
}

interface FailureOptions {
  readonly cause?: unknown
  /** Of the settings, the one that may mend it. */
  readonly part?: 'TokenEndpointUrl' | 'ClientSecret'
}

async function ask(
  { tokenEndpointUrl, clientId, clientSecret, scope }: ClientCredentials,
  signal: AbortSignal,
): Promise<{ readonly value: string; readonly expiresMs: number }> {
  const endpoint = `The token endpoint ${withoutQuery(tokenEndpointUrl)}`
  const failed = (
    why: string,
    retryable: boolean,
    { cause, part = 'TokenEndpointUrl' }: FailureOptions = {},
  ) =>
    new RivuletError(retryable ? 'KAFKA_UNREACHABLE' : 'KAFKA_FAILED', `${endpoint} ${why}`, {
      cause,
      retryable,
      place: { parameter: `kafkaSaslOauthbearer${part}` },
    })
  const basic = Buffer.from([clientId, clientSecret].map(encodeURIComponent).join(':')).toString('base64')
  let answer: Response
  let body: string
  try {
    answer = await fetch(tokenEndpointUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
      redirect: 'error', // the secret is for this host
      signal,
    })
    body = await answer.text()
  } catch (error) {
    // What fetch throws says nothing; what it was thrown for does.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const refusal = tlsRefusalOf(cause)
    throw failed(refusal?.why ?? `can't be reached: ${messageOf(cause)}`, refusal === undefined, { cause })
  }
  const { access_token: value, expires_in: seconds, error } = fieldsOf(body)
  if (!answer.ok) {
    const said = `${answer.status}${typeof error === 'string' ? ` ${error}` : ''}`
    if (refusedStatuses.has(answer.status))
      throw failed(`refuses the client "${clientId}": ${said}`, false, { part: 'ClientSecret' })
    throw failed(`answers with ${said}`, answer.status >= 500 || busyStatuses.has(answer.status))
  }
  if (typeof value !== 'string') throw failed('answers with no access_token', false)
  return { value, expiresMs: typeof seconds === 'number' ? seconds * 1000 : 0 }
}

/** Of a JSON object; none of what is something else, such as a proxy's page. */
function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(body) }
  } catch {
    return {}
  }
}

function withoutQuery(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}${new URL(url).pathname}` : 'whose address is none'
}
