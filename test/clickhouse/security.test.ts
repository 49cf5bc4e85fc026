import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClickHouseOptions } from '../../src/clickhouse/client.ts'
import type { TlsOptions } from '../../src/tls.ts'
import { type Certificate, Certificates } from '../support/certificates.ts'
import { startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'
import { startHttpsFront } from '../support/https-front.ts'
import { runProgram } from '../support/program.ts'

interface Rig {
  readonly dir: string
  readonly engine: TestClickHouse
  readonly urls: Readonly<Record<'http' | 'https' | 'elsewhere' | 'mutual', string>>
  readonly ca: Certificate
  readonly strangeCa: Certificate
  readonly carol: Certificate
  close(): Promise<void>
}

async function startRig(): Promise<Rig | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'rivulet-https-'))
  const certificates = new Certificates(dir)
  const ca = await certificates.authority('authority').catch(() => undefined)
  if (!ca) return undefined
  const here = await certificates.signed('clickhouse', ca, 'IP:127.0.0.1')
  const elsewhere = await certificates.signed('elsewhere', ca, 'DNS:clickhouse.example')
  const engine = await startTestClickHouse()
  const front = (certificate: Certificate, clientsCa?: Certificate) =>
    startHttpsFront(engine.front.url, { certificate, password: 'secret', ...(clientsCa && { clientsCa }) })
  const fronts = [await front(here), await front(elsewhere), await front(here, ca)] as const
  const [https, other, mutual] = fronts
  return {
    dir,
    engine,
    urls: { http: engine.front.url, https: https.url, elsewhere: other.url, mutual: mutual.url },
    ca,
    strangeCa: await certificates.authority('strange'),
    carol: await certificates.signed('carol', ca),
    close: async () => {
      for (const each of fronts) await each.close()
      await engine.close()
      await rm(dir, { recursive: true })
    },
  }
}

let rig: Rig
beforeAll(async () => {
  const started = await startRig()
  if (started) rig = started
})
beforeEach((context) => {
  if (!rig) context.skip('openssl is not installed')
})
afterAll(() => rig?.close())

const textOf = (file: string) => readFileSync(file, 'utf8')
const ca = (): TlsOptions => ({ ca: textOf(rig.ca.cert) })
const carols = (): TlsOptions => ({ ...ca(), cert: textOf(rig.carol.cert), key: textOf(rig.carol.key) })

type Case = [what: string, url: keyof Rig['urls'], options: () => Partial<ClickHouseOptions>]

describe('a ClickHouse server over HTTPS', () => {
  test.for<Case>([
    ['with its CA', 'https', () => ({ ssl: ca() })],
    [
      "with its certificate's name",
      'elsewhere',
      () => ({ ssl: { ...ca(), serverName: 'clickhouse.example' } }),
    ],
    ['with a certificate and a password', 'mutual', () => ({ ssl: carols() })],
    [
      'with a certificate for a login',
      'mutual',
      () => ({ ssl: carols(), user: 'carol', password: undefined }),
    ],
  ])('answers, and takes rows, %s', async ([what, url, options]) => {
    const database = await rig.engine.connect({ url: rig.urls[url], ...options() })
    const table = `t_${what.replaceAll(/\W/g, '_')}`
    await database.command(`CREATE TABLE ${table} (n UInt64) ENGINE = MergeTree ORDER BY n`)
    const columns = [{ name: 'n', type: 'UInt64' }]
    const rows = { bytes: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]), starts: [0, 8] }
    await database.insert({ table, columns, settings: { async_insert: 0 } }, rows)
    expect(await database.query(`SELECT sum(n) AS n FROM ${table}`)).toEqual([{ n: 3 }])
  })

  test.for<[...Case, sentence: RegExp, parameter: string]>([
    ['no CA', 'https', () => ({}), /not trusted here: name its CA/, 'clickhouseSslCa'],
    [
      'the CA of somebody else',
      'https',
      () => ({ ssl: { ca: textOf(rig.strangeCa.cert) } }),
      /not trusted here: name its CA/,
      'clickhouseSslCa',
    ],
    [
      'a certificate of another name',
      'elsewhere',
      () => ({ ssl: ca() }),
      /certificate of another name: .*127\.0\.0\.1/,
      'clickhouseSslServerName',
    ],
    [
      'no certificate where one is wanted',
      'mutual',
      () => ({ ssl: ca() }),
      /does not accept this client's certificate, or wants one/,
      'clickhouseSslCert',
    ],
    [
      'TLS to a plain port',
      'http',
      () => ({ url: rig.urls.http.replace('http:', 'https:'), ssl: ca() }),
      /does not speak TLS at this port/,
      'clickhouseUrl',
    ],
    [
      'no TLS to a TLS port',
      'https',
      () => ({ url: rig.urls.https.replace('https:', 'http:') }),
      /expects TLS: let its address begin with https/,
      'clickhouseUrl',
    ],
    [
      'a wrong password',
      'https',
      () => ({ ssl: ca(), password: 'guessed-secret' }),
      /Authentication failed: password is incorrect/,
      'clickhousePassword',
    ],
  ])('refuses %s, in a sentence that names it', async ([, url, options, sentence, parameter]) => {
    const database = await rig.engine.connect({ url: rig.urls[url], ...options() })
    const startedMs = performance.now()
    const error: unknown = await database.ping().catch((reason: unknown) => reason)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(error).toMatchObject({
      code: 'CLICKHOUSE_FAILED',
      retryable: false,
      message: expect.stringMatching(sentence),
      place: { parameter },
    })
    expect(String(error)).not.toContain('secret')
  })

  test('is refused where certificates have no use', async () => {
    const plain = { url: rig.urls.http, ssl: ca() }
    await expect(rig.engine.connect(plain)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('must begin with https://'),
    })
  })
})

test('a program whose ClickHouse is refused ends with 1, and says what to set', {
  timeout: 60_000,
}, async () => {
  const { code, stderr } = await runProgram('crypto', ['--simulate', '--port', '0'], {
    DATA_DIR: join(rig.dir, 'data'),
    CLICKHOUSE_URL: rig.urls.https,
    CLICKHOUSE_PASSWORD: 'secret-of-clickhouse',
    LOG_LEVEL: 'trace',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('name its CA (set by CLICKHOUSE_SSL_CA or --clickhouse-ssl-ca)')
  expect(stderr).not.toContain('secret-of-clickhouse')
})
