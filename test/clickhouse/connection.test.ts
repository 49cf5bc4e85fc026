import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VirtualTimeScheduler } from 'rxjs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { EncodedRows } from '../../src/clickhouse/client.ts'
import { connectClickHouse } from '../../src/clickhouse/connection.ts'
import { RowWriter } from '../../src/clickhouse/row-writer.ts'
import { createClock, systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

let engine: TestClickHouse

const columns = [
  { name: 'a', type: 'String' },
  { name: 'n', type: 'UInt64' },
]

function rowOf(a: string, n: number): EncodedRows {
  const row = new RowWriter()
  row.text(a)
  row.integer64(n)
  return { bytes: row.bytes, starts: [0] }
}
beforeAll(async () => {
  engine = await startTestClickHouse()
  await engine.embedded.command('CREATE TABLE t (a String, n UInt64) ENGINE = MergeTree ORDER BY a')
})
afterAll(() => engine.close())
afterEach(() => {
  engine.front.fault = () => undefined
})

describe.each(['embedded', 'server'] as const)('a connection, %s', (kind) => {
  test('answers with numbers, and times in ISO 8601', async () => {
    expect(
      await engine[kind].query(
        "SELECT toUInt64(9007199254740991) AS n, toDateTime64('2026-01-31 18:41:18.123456', 6, 'UTC') AS t",
      ),
    ).toEqual([{ n: 9007199254740991, t: '2026-01-31T18:41:18.123456Z' }])
    expect(
      await engine[kind].queryColumns('SELECT number AS n, toString(number) AS s FROM numbers(2)'),
    ).toEqual({
      n: [0, 1],
      s: ['0', '1'],
    })
  })

  test('binds each kind of parameter', async () => {
    const hostile = `it's "a" \\ test\t\n; DROP TABLE t --`
    expect(
      await engine[kind].query(
        'SELECT {s:String} AS s, {n:Int64} AS n, {f:Float64} AS f, {b:Bool} AS b, {a:Array(String)} AS a, {u:Array(UInt8)} AS u, {z:Nullable(String)} AS z',
        { s: hostile, n: -5, f: 0.1, b: true, a: [hostile, ''], u: [1, 2], z: null },
      ),
    ).toEqual([{ s: hostile, n: -5, f: 0.1, b: true, a: [hostile, ''], u: [1, 2], z: null }])
  })

  test('forgets the settings of one insert before the next', async () => {
    const target = { table: 't', columns }
    const count = async () =>
      (await engine[kind].query<{ c: number }>("SELECT count() AS c FROM t WHERE a = 'same'"))[0]?.c
    const before = (await count()) ?? 0
    await engine[kind].command('ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 100')
    const token = { async_insert: 0, insert_deduplication_token: `it's ${kind}` }
    await engine[kind].insert({ ...target, settings: token }, rowOf('same', 1))
    await engine[kind].insert({ ...target, settings: token }, rowOf('same', 1))
    expect(await count()).toBe(before + 1)
    await engine[kind].insert({ ...target, settings: { async_insert: 0 } }, rowOf('same', kind.length))
    expect(await count()).toBe(before + 2)
  })

  test.each([
    ['SELECT * FROM nowhere', 'CLICKHOUSE_REJECTED'],
    ['SELECT nothing FROM t', 'CLICKHOUSE_REJECTED'],
    ['SELEC', 'CLICKHOUSE_FAILED'],
    ["SELECT throwIf(1, 'Code: 210. NETWORK_ERROR')", 'CLICKHOUSE_FAILED'],
  ])('says of %s that it is %s, and not to be tried again', async (sql, code) => {
    const failure = engine[kind].query(sql, {}, { place: { table: 't' } })
    await expect(failure).rejects.toMatchObject({ code, retryable: false, place: { table: 't' } })
    await expect(failure).rejects.not.toThrow('\n')
  })

  test('refuses rows that are none, and those of another table', async () => {
    const target = { table: 't', columns, settings: { async_insert: 0 } }
    const { bytes } = rowOf('a', 1)
    const cut = { bytes: bytes.subarray(0, -1), starts: [0] }
    await expect(engine[kind].insert(target, cut)).rejects.toMatchObject({ code: 'CLICKHOUSE_REJECTED' })
    const elsewhere = { ...target, columns: [{ name: 'b', type: 'String' }] }
    await expect(engine[kind].insert(elsewhere, rowOf('a', 1))).rejects.toMatchObject({
      code: 'CLICKHOUSE_REJECTED',
    })
  })

  test('answers a ping, and stops waiting when told', async () => {
    await engine[kind].ping()
    const reason = new Error('no longer wanted')
    await expect(
      engine[kind].query('SELECT sleep(0.2)', {}, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })
})

describe('a server', () => {
  test('that does not answer in time is given up, on the clock of the connection', async () => {
    const scheduler = new VirtualTimeScheduler()
    const slow = await engine.connect({ clock: createClock(scheduler), queryTimeoutMs: 1_000 })
    let release = () => {}
    const until = new Promise<void>((resolve) => {
      release = resolve
    })
    const asked = new Promise<void>((resolve) => {
      engine.front.fault = () => {
        resolve()
        return { kind: 'hold', until }
      }
    })
    const answer = slow.query('SELECT 1')
    await asked
    scheduler.flush()
    await expect(answer).rejects.toMatchObject({ code: 'TIMED_OUT', retryable: true })
    expect(scheduler.now()).toBe(1_000)
    release()
  })

  test.each([
    ['breaks the connection', { kind: 'reset', when: 'before' }, 'CLICKHOUSE_UNREACHABLE', true],
    ['breaks it when the work is done', { kind: 'reset', when: 'after' }, 'CLICKHOUSE_UNREACHABLE', true],
    [
      'is a proxy without a server behind it',
      { kind: 'error', status: 502, body: '<h1>Bad Gateway</h1>' },
      'CLICKHOUSE_FAILED',
      true,
    ],
    ['answers nothing at all', { kind: 'error', status: 503 }, 'CLICKHOUSE_FAILED', true],
    [
      'has too many parts',
      {
        kind: 'error',
        status: 500,
        body: 'Code: 252. DB::Exception: Too many parts (301). (TOO_MANY_PARTS) (version 26.7)',
      },
      'CLICKHOUSE_UNREACHABLE',
      true,
    ],
    [
      'can not write to its disk',
      {
        kind: 'error',
        status: 500,
        body: 'Code: 75. DB::Exception: Cannot write to file: errno: 28, strerror: No space left on device. (CANNOT_WRITE_TO_FILE_DESCRIPTOR)',
      },
      'DISK_FULL',
      true,
    ],
    [
      'has no space left',
      {
        kind: 'error',
        status: 500,
        body: 'Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)',
      },
      'DISK_FULL',
      true,
    ],
  ] as const)('that %s is told apart', async (_, fault, code, retryable) => {
    engine.front.fault = () => fault
    await expect(engine.server.query('SELECT 1')).rejects.toMatchObject({ code, retryable })
    await expect(engine.server.ping()).rejects.toMatchObject({ code, retryable })
  })

  test.each([
    ['an exception', '\nCode: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)\n'],
    ['a page', '<html><h1>Please log in</h1></html>'],
    ['JSON of its own', '{"error":"no upstream"}'],
    ['a list', '[1]'],
  ])('that says 200 and sends %s has answered nothing', async (what, body) => {
    engine.front.fault = () => ({ kind: 'error', status: 200, body })
    const { server } = engine
    const calls = [
      () => server.ping(),
      () => server.queryColumns('SELECT 1 AS one'),
      () => server.insert({ table: 't', columns, settings: {} }, rowOf('x', 1)),
      // It may be a row, for all that is known of one.
      ...(what === 'JSON of its own' ? [] : [() => server.query('SELECT 1')]),
      // It may be what the hosts of a cluster say.
      ...(what === 'an exception' || what === 'a page' ? [() => server.command('CREATE DATABASE d')] : []),
    ]
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({ name: 'RivuletError', retryable: true })
  })

  test('that is down is unreachable, and reached again when it is up', async () => {
    await engine.front.down()
    await expect(engine.server.query('SELECT 1')).rejects.toMatchObject({
      code: 'CLICKHOUSE_UNREACHABLE',
      retryable: true,
    })
    await expect(engine.server.ping()).rejects.toMatchObject({
      code: 'CLICKHOUSE_UNREACHABLE',
      retryable: true,
    })
    await engine.front.up()
    await engine.server.ping()
  })

  test('that does not know the password says so once and for all', async () => {
    const stranger = await engine.connect({ password: 'wrong' })
    const failure = stranger.query('SELECT 1')
    await expect(failure).rejects.toMatchObject({ code: 'CLICKHOUSE_FAILED', retryable: false })
    await expect(failure).rejects.toThrow('Authentication failed')
    await expect(failure).rejects.not.toThrow('wrong')
  })
})

test.each([
  [{ url: 'localhost:8123' }, 'localhost:8123'],
  [{ url: 'not an address' }, 'not an address'],
  [{ url: 'ftp://me:secret@host' }, '//…@host'],
  [{ tablePrefix: 'a-b' }, 'a-b'],
])('%j is no configuration', async (options, word) => {
  const failure = connectClickHouse({ clock: systemClock, logger: silentLogger, ...options })
  await expect(failure).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  await expect(failure).rejects.toThrow(word)
})

describe('a data folder', () => {
  const open = (path: string) => connectClickHouse({ path, clock: systemClock, logger: silentLogger })
  /** In a process of its own: an engine has one folder. */
  async function openElsewhere(path: string): Promise<string> {
    const script = `
      import { connectClickHouse } from './src/clickhouse/connection.ts'
      import { systemClock } from './src/clock.ts'
      import { silentLogger } from './src/logger.ts'
      await connectClickHouse({ path: ${JSON.stringify(path)}, clock: systemClock, logger: silentLogger }).then(
        async (connection) => { await connection.ping(); console.log('opened'); await connection.close() },
        (error) => console.log(error.code, error.message))`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
    return Buffer.concat(output).toString()
  }

  test('in use by another process is said to be', async () => {
    expect(await openElsewhere(engine.path)).toMatch(new RegExp(`^DATA_DIR_IN_USE .*process ${process.pid}`))
  })

  test('that is made anew is opened', async () => {
    expect(await openElsewhere(join(engine.path, 'a', 'new', 'one'))).toContain('opened')
  })

  test('that can not be one is said to be', async () => {
    const file = join(engine.path, 'file')
    await writeFile(file, '')
    await expect(open(join(file, 'below'))).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      place: { path: join(file, 'below') },
    })
    const closed = join(engine.path, 'closed')
    await mkdir(closed)
    await chmod(closed, 0o500)
    // Root may write everywhere.
    if (process.getuid?.() !== 0) expect(await openElsewhere(closed)).toContain('DATA_DIR_UNUSABLE')
    await rm(closed, { recursive: true })
  })

  test('other than the one that the process has open is refused', async () => {
    await expect(open(join(engine.path, 'another'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' })
  })
})
