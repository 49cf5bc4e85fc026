import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { RivuletError } from '../errors.ts'
import type { ClickHouseOptions, InsertTarget } from './client.ts'
import { assignments } from './sql.ts'
import { clientLogger, type Transport } from './transport.ts'

/** A server over HTTP. Throws `BAD_CONFIG` for what is no address. */
export function server(
  { user, password, insertTimeoutMs = 60_000, logger }: ClickHouseOptions,
  url: string,
): Transport {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    const message = `ClickHouse's address is ${JSON.stringify(url.replace(/\/\/.*@/, '//…@'))}, which is none like http://localhost:8123`
    throw new RivuletError('BAD_CONFIG', message, { place: { parameter: 'clickhouseUrl' } })
  }
  const open = () =>
    createClient({
      url,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
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
      const answer = await answerOf(await writer.exec({ query, values: Readable.from([rows]), abort_signal }))
      if (answer !== '') throw new Error(answer)
    },
    close: async () => {
      await Promise.all([reader.close(), writer.close()])
    },
  }
}

function insertStatement({ table, columns, settings }: InsertTarget): string {
  return `INSERT INTO ${table} (${columns.join(', ')}) SETTINGS ${assignments(settings)} FORMAT TabSeparated`
}

/**
 * ClickHouse answers what is no query with nothing. It may say 200 first and fail then, with the exception in the body; and
 * what is something else answers with a page. (Of an exception in a header the client tells itself.)
 */
async function answerOf({ stream }: { readonly stream: Readable }): Promise<string> {
  // The socket is free for the next request only when the answer was read.
  return (await text(stream)).trim()
}
