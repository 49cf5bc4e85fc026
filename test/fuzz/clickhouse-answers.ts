import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectClickHouse } from '../../src/clickhouse/connection.ts'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'clickhouse-answers'

const rows = '{"n":1}\n{"n":2}\n'
const columns = '{"meta":[{"name":"n","type":"UInt8"}],"data":{"n":[1,2]},"rows":2}'
const exception =
  '\nCode: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED) (version 26.3)\n'
const bodies = [
  '',
  rows,
  columns,
  exception,
  rows + exception,
  '<html><h1>502 Bad Gateway</h1></html>',
  'Ok.\n',
  '{}',
  '[]',
  'null',
  '5\n',
]

let answer: { readonly status: number; readonly body: Buffer }
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(answer.status, { 'content-length': answer.body.length }).end(answer.body)
  })
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
server.unref()
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const database = await connectClickHouse({ url, clock: systemClock, logger: silentLogger })

/** An answer is what was asked for, or an error of ours in a line, whatever answers in ClickHouse's place. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const body = Buffer.from(dice.pick(bodies))
  answer = {
    status: dice.pick([200, 200, 200, 302, 404, 500, 502]),
    body: dice.chance(0.5) ? dice.mutated(body) : body,
  }
  await withInput(answer.body, () => dice.pick(calls)())
}

const calls: readonly (() => Promise<void>)[] = [
  async () => {
    const found = await refusing(database.query('SELECT n FROM t'))
    if (found && (!Array.isArray(found) || found.some(isNoRow)))
      throw new Error(`rows ${JSON.stringify(found)}`)
  },
  async () => {
    const lists = await refusing(database.queryColumns<Record<string, unknown>>('SELECT n FROM t'))
    if (lists && !Object.values(lists).every(Array.isArray))
      throw new Error(`columns ${JSON.stringify(lists)}`)
  },
  async () => {
    const target = { table: 't', columns: [{ name: 'n', type: 'String' }], settings: {} }
    const inserted = await refusing(
      database.insert(target, { bytes: Buffer.from('\x011'), starts: [0] }).then(() => true),
    )
    if (inserted && answer.body.toString().trim() !== '') throw new Error('took an insert for done')
  },
  async () => {
    const commanded = await refusing(database.command('CREATE TABLE t').then(() => true))
    if (commanded && isException()) throw new Error('took a command for done')
  },
  async () => {
    const pinged = await refusing(database.ping().then(() => true))
    if (pinged && isException()) throw new Error('took a ping for answered')
  },
]

function isNoRow(row: unknown): boolean {
  return typeof row !== 'object' || row === null
}

function isException(): boolean {
  return answer.body.includes('DB::Exception: ')
}

/** Undefined: it was refused, as it should be. */
async function refusing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof RivuletError) || error.message.length > 1_000) throw error
    return undefined
  }
}
