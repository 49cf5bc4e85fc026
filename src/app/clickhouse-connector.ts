import type { ClickHouse } from '../clickhouse/client.ts'
import type { Connector } from './connector.ts'
import { badSetting } from './read-settings.ts'
import { setting } from './setting.ts'
import { tlsOptionsOf, tlsSettings } from './tls-settings.ts'

/** Which ClickHouse to use. */
export const clickhouseSettings = {
  /** A server's address; without it, the embedded engine. */
  clickhouseUrl: setting.address(['http', 'https'], {
    placeholder: '<url>',
    description: 'ClickHouse server to use; without it, the embedded engine',
  }),
  /** Who logs in to the server. */
  clickhouseUser: setting.text({
    placeholder: '<name>',
    description: 'user at ClickHouse',
    expected: 'a name',
  }),
  /** Not shown in help or messages. */
  clickhousePassword: setting.text({
    placeholder: '<password>',
    description: 'password at ClickHouse',
    expected: 'a password',
    secret: true,
  }),
  ...tlsSettings('clickhouse', 'ClickHouse'),
}

/**
 * ClickHouse for a program: the server that it is told of, or else the embedded engine on the program's data.
 *
 * @example
 * ```ts
 * program({ name: 'words', summary: 'counts words', connectors: { clickhouse: clickhouseConnector }, topology: wordCount })
 * ```
 */
export const clickhouseConnector: Connector<typeof clickhouseSettings, ClickHouse> = {
  settings: clickhouseSettings,
  async open({ config, folder, prefix, clock, logger }) {
    // Whoever has no use for ClickHouse does not load it.
    const { connectClickHouse } = await import('../clickhouse/connection.ts')
    const { clickhouseUrl: url, clickhouseUser: user, clickhousePassword: password } = config
    const ssl = tlsOptionsOf('clickhouse', config)
    if (ssl && url === undefined)
      throw badSetting(
        'clickhouseUrl',
        'CLICKHOUSE_URL is not set, but a certificate for TLS with ClickHouse is',
      )
    const tablePrefix = prefix && `${prefix.replaceAll('-', '_')}_`
    return connectClickHouse({
      ...(url === undefined ? { path: folder('clickhouse') } : { url, user, password, ssl, tablePrefix }),
      clock,
      logger,
    })
  },
}
