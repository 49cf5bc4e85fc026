import { Agent } from 'node:https'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { RivuletError } from '../errors.ts'
import { speaksTls, tlsContext } from '../tls.ts'
import { headerOf, namesOf, rowsFormat } from './binary-rows.ts'
import type { ClickHouseOptions, InsertTarget } from './client.ts'
import { assignments } from './sql.ts'
import { clientLogger, type Transport } from './transport.ts'

/** A server over HTTP. Throws `BAD_CONFIG` for what is no address, and for certificates that are none or have no use. */
export function server(options: ClickHouseOptions, url: string): Transport {
  const { user, password, ssl, insertTimeoutMs = 60_000, clock, logger } = options
  const shown = url.replace(/\/\/.*@/, '//…@')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw badUrl(`ClickHouse's address is ${JSON.stringify(shown)}, which is none like http://localhost:8123`)
  const isTls = url.startsWith('https:')
  if (ssl && !isTls)
    throw badUrl(
      `ClickHouse's address is ${JSON.stringify(shown)}: with certificates it must begin with https://`,
    )
  const tls = ssl && tlsContext(ssl, 'clickhouseSsl')
  const open = () =>
    createClient({
      url,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(tls && { http_agent: new Agent({ ...tls, keepAlive: true, maxSockets: socketsMax }) }),
      ...(ssl?.cert !== undefined && password === undefined && byCertificate(user)),
      // A backstop only: the deadlines are the connection's own, on its clock.
      request_timeout: 10 * insertTimeoutMs,
      log: { level: ClickHouseLogLevel.WARN, LoggerClass: clientLogger(logger) },
    })
  const writer = open()
  const reader = open()
  return {
    writer,
    reader,
    command: async (query, abort_signal) => {
      const answer = await answerOf(await writer.exec({ query, abort_signal }))
      // A cluster answers with what each of its hosts says.
      if (answer.startsWith('<') || answer.includes('DB::Exception')) throw new Error(answer)
    },
    insert: async (target, rows, abort_signal) => {
      const query = insertStatement(target)
      const values = Readable.from([headerOf(target), rows])
      const answer = await answerOf(await writer.exec({ query, values, abort_signal }))
      if (answer !== '') throw new Error(answer)
    },
    refusalOf: async (error) => {
      // What speaks TLS hangs up on what does not.
      if (isTls || !isHangUp(error.cause) || !(await speaksTls(addressOf(url), clock))) return undefined
      const message = `ClickHouse at ${new URL(url).host} expects TLS: let its address begin with https://`
      const place = { ...error.place, parameter: 'clickhouseUrl' }
      return new RivuletError('CLICKHOUSE_FAILED', message, { cause: error.cause, place })
    },
    close: async () => {
      await Promise.all([reader.close(), writer.close()])
    },
  }
}

/** As many connections as the client itself would open. */
const socketsMax = 10

/** The user is told by the certificate's name, instead of by a password. Source: ClickHouse's `ssl_certificates` of a user. */
function byCertificate(user = 'default') {
  const http_headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-SSL-Certificate-Auth': 'on' }
  return { set_basic_auth_header: false, http_headers }
}

function badUrl(message: string): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { place: { parameter: 'clickhouseUrl' } })
}

function addressOf(url: string) {
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || 80 }
}

function isHangUp(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET'
}

function insertStatement(target: InsertTarget): string {
  const { table, settings } = target
  return `INSERT INTO ${table} (${namesOf(target)}) SETTINGS ${assignments(settings)} FORMAT ${rowsFormat}`
}

/**
 * ClickHouse answers what is no query with nothing. It may say 200 first and fail then, with the exception in the body; and
 * what is something else answers with a page. (Of an exception in a header the client tells itself.)
 */
async function answerOf({ stream }: { readonly stream: Readable }): Promise<string> {
  // The socket is free for the next request only when the answer was read.
  return (await text(stream)).trim()
}
