import { messageOf, RivuletError } from '../errors.ts'
import { tlsRefusalOf } from '../tls.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { createErrorFromCode, type KafkajsLogger, type ProtocolRequest } from './internals.ts'
import { type Address, type Link, openLink, tlsExpected } from './link.ts'
import type { KafkaSettings, SaslOptions } from './options.ts'
import { kafkaErrorType } from './translate.ts'

const saslHandshakeKey = 17
const unsupportedMechanism = 33

/** Whom we spoke with when something failed. */
export interface Spoken {
  readonly address: Address
  readonly options: KafkaSettings
  readonly logger: KafkajsLogger
  /** Absent: it could not be opened. */
  readonly link?: Link | undefined
  /** Whether anything was answered on the link since. */
  readonly isHeard?: boolean | undefined
}

/**
 * Why a node will not talk with us, however often it is asked: what a failure says that refuses a login or a certificate, or
 * that comes of another protocol at that port than we speak. Undefined: it was something else, which may pass.
 */
export async function refusalOf(error: unknown, spoken: Spoken): Promise<RivuletError | undefined> {
  const { address, options, link, isHeard } = spoken
  const said = saidRefusalOf(error, address, options.sasl)
  if (said || isHeard) return said
  // Of what it has no sense for, Kafka says nothing: it hangs up. So does one that is stopped.
  if (!link && options.tls && codeOf(error) === 'ECONNRESET') {
    const { sasl: _sasl, tls: _tls, ...plain } = options
    const isPlain = await asked({ ...spoken, options: plain }, async () => true)
    return isPlain ? refused(address, 'does not speak TLS at this port', 'kafkaSsl', error) : undefined
  }
  if (link?.broker.versions[saslHandshakeKey] && !options.sasl && isHangUp(error)) {
    const { mechanisms } = (await asked(spoken, (other) => other.send(handshake))) ?? { mechanisms: [] }
    const why = `wants a login at this port, by ${mechanisms.toSorted().join(' or ')}`
    return mechanisms.length === 0 ? undefined : refused(address, why, 'kafkaSaslMechanism', error)
  }
  return undefined
}

function saidRefusalOf(
  error: unknown,
  address: Address,
  sasl: SaslOptions | undefined,
): RivuletError | undefined {
  if (codeOf(error) === tlsExpected) return refused(address, 'expects TLS at this port', 'kafkaSsl', error)
  const tls = tlsRefusalOf(error)
  if (tls) return refused(address, tls.why, tls.part && `kafkaSsl${tls.part}`, error)
  const mechanism = sasl?.mechanism.toUpperCase()
  const type = kafkaErrorType(error)
  if (type === 'UNSUPPORTED_SASL_MECHANISM')
    return refused(address, `takes no login by ${mechanism} at this port`, 'kafkaSaslMechanism', error)
  if (type === 'ILLEGAL_SASL_STATE')
    return refused(address, 'takes no login at this port', 'kafkaSaslMechanism', error)
  if (!isLoginError(error)) return undefined
  const isToken = sasl !== undefined && 'token' in sasl
  const whose = isToken ? 'token' : `login of ${JSON.stringify(sasl?.username)}`
  const parameter = isToken ? undefined : 'kafkaPassword'
  return refused(address, `refuses the ${whose} by ${mechanism}: ${messageOf(error)}`, parameter, error)
}

/** `parameter`: the setting that may mend it. */
function refused(
  { host, port }: Address,
  why: string,
  parameter: string | undefined,
  cause: unknown,
): RivuletError {
  const place = parameter === undefined ? {} : { parameter }
  return new RivuletError('KAFKA_FAILED', `Kafka at ${host}:${port} ${why}`, { cause, place })
}

/** What the node says on a link of its own; undefined: nothing. */
async function asked<T>(
  { address, options, logger }: Spoken,
  ask: (link: Link) => Promise<T>,
): Promise<T | undefined> {
  try {
    const link = await openLink(address, options, logger)
    return await ask(link).finally(() => link.destroy())
  } catch {
    return undefined
  }
}

/** SaslHandshake v1: of a mechanism, so that the node lists all that it takes. */
const handshake: ProtocolRequest<{ readonly mechanisms: readonly string[] }> = {
  request: {
    apiKey: saslHandshakeKey,
    apiVersion: 1,
    apiName: 'SaslHandshake',
    encode: async () => new ByteWriter().string('PLAIN').finish(),
  },
  response: {
    decode: async (bytes) => {
      const reader = new ByteReader(bytes)
      const errorCode = reader.int16()
      if (errorCode !== 0 && errorCode !== unsupportedMechanism) throw createErrorFromCode(errorCode)
      return { mechanisms: reader.array(() => reader.string()) }
    },
    parse: async (data) => data,
  },
}

function isLoginError(error: unknown): boolean {
  return (
    kafkaErrorType(error) === 'SASL_AUTHENTICATION_FAILED' ||
    (error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError')
  )
}

function isHangUp(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSConnectionClosedError'
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
