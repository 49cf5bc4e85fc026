import { X509Certificate } from 'node:crypto'
import { connect, createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from './clock.ts'
import { messageOf, RivuletError } from './errors.ts'

/** How to speak TLS, all of it as PEM text. Source: Kafka's `ssl.…` settings of the type PEM. */
export interface TlsOptions {
  /** The certificates of the authorities that are trusted. Default: those that Node trusts. */
  readonly ca?: string | undefined
  /** The client's own certificate, and those between it and its authority. Default: none. */
  readonly cert?: string | undefined
  /** The key of `cert`. */
  readonly key?: string | undefined
  /** Where the key is locked. */
  readonly keyPassword?: string | undefined
  /** The name that the server's certificate must have. Default: the host that is connected to. */
  readonly serverName?: string | undefined
}

/** The same as Node's `tls.connect` takes it. */
export interface TlsContext {
  readonly secureContext: SecureContext
  readonly servername?: string
}

/** A part of the options; with the name of the settings before it, it is the setting's name: `kafkaSsl` and `Ca`. */
type TlsPart = 'Ca' | 'Cert' | 'Key' | 'ServerName'

/** Throws `BAD_CONFIG` for what is no certificate or key; `settings`: how those are called that it comes from, as `kafkaSsl`. */
export function tlsContext(
  { ca, cert, key, keyPassword, serverName }: TlsOptions,
  settings: string,
): TlsContext {
  const checked = <T>(part: TlsPart, what: string, work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      const message = `The ${what} for TLS can't be used: ${messageOf(cause)}`
      throw new RivuletError('BAD_CONFIG', message, { cause, place: { parameter: `${settings}${part}` } })
    }
  }
  // Node takes a text without any certificate for no authority at all.
  if (ca !== undefined) checked('Ca', "authority's certificate", () => new X509Certificate(ca))
  if (cert !== undefined) checked('Cert', "client's certificate", () => new X509Certificate(cert))
  const secureContext = checked('Key', "client's key", () =>
    createSecureContext({ ca, cert, key, passphrase: keyPassword }),
  )
  return { secureContext, ...(serverName !== undefined && { servername: serverName }) }
}

/** What is wrong with a handshake that fails each time, and which of the options may mend it. */
export interface TlsRefusal {
  readonly why: string
  readonly part?: TlsPart
}

const unknownAuthority: TlsRefusal = {
  why: 'has a certificate of an authority that is not trusted here: name its CA',
  part: 'Ca',
}
const certificateRefused: TlsRefusal = {
  why: "does not accept this client's certificate, or wants one and got none",
  part: 'Cert',
}
const refusals: ReadonlyMap<string, TlsRefusal> = new Map([
  ['SELF_SIGNED_CERT_IN_CHAIN', unknownAuthority],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownAuthority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownAuthority],
  ['CERT_SIGNATURE_FAILURE', unknownAuthority],
  ['CERT_UNTRUSTED', unknownAuthority],
  ['CERT_HAS_EXPIRED', { why: 'has a certificate that has expired' }],
  ['CERT_NOT_YET_VALID', { why: "has a certificate that is not valid yet (is this machine's clock right?)" }],
  ['CERT_REVOKED', { why: 'has a certificate that was revoked' }],
  ['ERR_TLS_CERT_ALTNAME_INVALID', { why: 'has a certificate of another name', part: 'ServerName' }],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', certificateRefused],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', certificateRefused],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', certificateRefused],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', certificateRefused],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', certificateRefused],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', certificateRefused],
  ['ERR_SSL_TLSV1_ALERT_ACCESS_DENIED', certificateRefused],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', { why: 'finds no version or cipher of TLS in common' }],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', { why: 'finds no version or cipher of TLS in common' }],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', { why: 'finds no version or cipher of TLS in common' }],
  ['ERR_SSL_WRONG_VERSION_NUMBER', { why: 'does not speak TLS at this port' }],
  ['EPROTO', { why: 'does not speak TLS at this port' }],
])

/** Undefined: the connection broke for another reason, which may pass. `error`: whatever has Node's code. */
export function tlsRefusalOf(error: unknown): TlsRefusal | undefined {
  const code = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  const refusal = typeof code === 'string' ? refusals.get(code) : undefined
  // Node says which names it has.
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID' && refusal
    ? { ...refusal, why: `${refusal.why}: ${messageOf(error).replace(/^Connection error: |:? *$/g, '')}` }
    : refusal
}

/** How long a handshake may take that is only tried. */
const probeMsMax = 2_000

/** Whether TLS is spoken there, with whatever certificate. */
export function speaksTls(
  at: { readonly host: string; readonly port: number },
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is said over it, so it is no matter who is there.
    const socket = connect({ ...at, rejectUnauthorized: false }, () => settle(true))
    const overdue = clock.scheduler.schedule(() => settle(false), probeMsMax)
    const settle = (answer: boolean) => {
      overdue.unsubscribe()
      socket.destroy()
      resolve(answer)
    }
    socket.on('error', () => settle(false))
  })
}
