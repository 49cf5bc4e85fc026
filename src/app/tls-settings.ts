import type { TlsOptions } from '../tls.ts'
import { badSetting, variableOf } from './read-settings.ts'
import { type Setting, setting } from './setting.ts'

/** What TLS with one server may need, by the names of its settings: `kafkaSslCa` and so on. */
type TlsSettings<N extends string> = Readonly<
  Record<
    `${N}SslCa` | `${N}SslCert` | `${N}SslKey` | `${N}SslKeyPassword` | `${N}SslServerName`,
    Setting<string | undefined>
  >
>
type TlsConfig<N extends string> = { readonly [S in keyof TlsSettings<N>]: string | undefined }

/** `name` begins the settings' names, as `kafka`; `server`: its name for help. */
export function tlsSettings<const N extends string>(name: N, server: string): TlsSettings<N> {
  const settings: TlsSettings<'of'> = {
    ofSslCa: setting.pem({
      placeholder: '<pem>',
      description: `authority that has signed ${server}'s certificate, as PEM or a file of it`,
    }),
    ofSslCert: setting.pem({
      placeholder: '<pem>',
      description: `certificate to show to ${server}, as PEM or a file of it`,
    }),
    ofSslKey: setting.pem({
      placeholder: '<pem>',
      description: 'key of that certificate, as PEM or a file of it',
      secret: true,
    }),
    ofSslKeyPassword: setting.text({
      placeholder: '<password>',
      description: 'password of that key',
      expected: 'a password',
      secret: true,
    }),
    ofSslServerName: setting.text({
      placeholder: '<name>',
      description: `name that ${server}'s certificate must have, where it is not the host's`,
      expected: 'a name',
    }),
  }
  // Each under its own name.
  return Object.fromEntries(
    Object.entries(settings).map(([of, each]) => [of.replace(/^of/, name), each]),
  ) as TlsSettings<N>
}

/** Undefined: none of them is given. Throws `BAD_CONFIG` for a certificate without its key, or a key without its certificate. */
export function tlsOptionsOf<const N extends string>(name: N, config: TlsConfig<N>): TlsOptions | undefined {
  const value = (part: 'Ca' | 'Cert' | 'Key' | 'KeyPassword' | 'ServerName') => config[`${name}Ssl${part}`]
  const [cert, key] = [value('Cert'), value('Key')]
  if ((cert === undefined) !== (key === undefined)) {
    const [missing, given] = cert === undefined ? (['Cert', 'Key'] as const) : (['Key', 'Cert'] as const)
    const setting = `${name}Ssl${missing}`
    throw badSetting(
      setting,
      `${variableOf(setting)} is not set, but ${variableOf(`${name}Ssl${given}`)} is: a certificate and its key belong together`,
    )
  }
  const options = {
    ca: value('Ca'),
    cert,
    key,
    keyPassword: value('KeyPassword'),
    serverName: value('ServerName'),
  }
  return Object.values(options).every((option) => option === undefined) ? undefined : options
}
