import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { candlesTable, ticksTable } from '../../pipelines/market/tables.ts'
import type { ClickHouse } from '../../src/clickhouse/client.ts'
import { migrate } from '../../src/clickhouse/migrate.ts'
import { clickhouse } from '../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../src/clickhouse/table.ts'
import { silentLogger } from '../../src/logger.ts'
import { chunkOf } from '../../src/records/chunk.ts'
import { sinkContext, startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

let engine: TestClickHouse
let tables = 0
let name = ''
beforeAll(async () => {
  engine = await startTestClickHouse()
})
afterAll(() => engine.close())
beforeEach(() => {
  tables += 1
  name = `migrations.t${tables}`
})

interface Row {
  readonly name: string
  readonly amount: number
}

const first = () =>
  clickhouseTable(name, {
    columns: { name: 'String', amount: 'Float64' },
    orderBy: ['name'],
    row: (row: Row) => row,
  })

/** The connection, and every change that was asked of it. */
function watched(connection: ClickHouse = engine.embedded): { connection: ClickHouse; changes: string[] } {
  const changes: string[] = []
  const command: ClickHouse['command'] = (sql, options) => {
    if (!sql.startsWith('CREATE')) changes.push(sql)
    return connection.command(sql, options)
  }
  return { connection: { ...connection, command }, changes }
}

test.each([ticksTable, candlesTable])(
  'makes $name, and finds nothing to change the second time',
  async (made) => {
    await migrate(engine.embedded, made, silentLogger)
    const { connection, changes } = watched(engine.server)
    await migrate(connection, made, silentLogger)
    expect(changes).toEqual([])
  },
)

test('puts the prefix before the name of the table, not of the database', async () => {
  const prefixed = await engine.connect({ tablePrefix: 'simulated_' })
  await migrate(prefixed, first(), silentLogger)
  expect(prefixed.tableName(name)).toBe(`migrations.simulated_t${tables}`)
  expect(await engine.embedded.query(`SELECT count() AS c FROM migrations.simulated_t${tables}`)).toEqual([
    { c: 0 },
  ])
})

test('adds a column that is missing, before and after rows', async () => {
  await migrate(engine.embedded, first(), silentLogger)
  const writer = await clickhouse(first()).open(engine.embedded, sinkContext())
  const batch = writer.begin('input', 0)
  batch.append(chunkOf([{ key: null, value: { name: 'a', amount: 1 }, timestampMs: 0, offset: 0 }]), 1)
  await writer.write(batch)

  const second = clickhouseTable(name, {
    columns: { name: 'String', amount: 'Float64', colour: 'LowCardinality(String)' },
    orderBy: ['name'],
    row: (row: Row & { colour: string }) => row,
  })
  const later = await clickhouse(second).open(engine.embedded, sinkContext())
  expect(await later.resumeOffset('input', 0)).toBe(1)
  const next = later.begin('input', 0)
  next.append(
    chunkOf([{ key: null, value: { name: 'b', amount: 2, colour: 'red' }, timestampMs: 0, offset: 1 }]),
    2,
  )
  await later.write(next)
  expect(await engine.embedded.query(`SELECT name, colour FROM ${name} ORDER BY name`)).toEqual([
    { name: 'a', colour: '' },
    { name: 'b', colour: 'red' },
  ])
})

test('adds a projection that is missing, to the rows that are there too, and replaces one that has changed', async () => {
  await migrate(engine.embedded, first(), silentLogger)
  await engine.embedded.command(
    `INSERT INTO ${name} (name, amount) SELECT toString(number), number FROM numbers(10)`,
  )
  const withProjection = (query: string) =>
    clickhouseTable(name, {
      columns: { name: 'String', amount: 'Float64' },
      orderBy: ['name'],
      projections: { total: query },
      row: (row: Row) => row,
    })
  await migrate(engine.embedded, withProjection('SELECT sum(amount) GROUP BY tuple()'), silentLogger)
  const { connection, changes } = watched()
  const changed = withProjection('SELECT name, sum(amount) GROUP BY name')
  await migrate(connection, changed, silentLogger)
  expect(changes.map((change) => change.split(name)[1]?.trim().split(' (')[0])).toEqual([
    'DROP PROJECTION IF EXISTS total',
    'ADD PROJECTION IF NOT EXISTS total',
    'MATERIALIZE PROJECTION total',
  ])
  const again = watched()
  await migrate(again.connection, changed, silentLogger)
  expect(again.changes).toEqual([])
})

test("adopts a table made by hand: Rivulet's columns, projection, index and deduplication are added", async () => {
  await engine.embedded.command('CREATE DATABASE IF NOT EXISTS migrations')
  await engine.embedded.command(
    `CREATE TABLE ${name} (name String, amount Float64, note String) ENGINE = MergeTree ORDER BY name`,
  )
  await engine.embedded.command(`INSERT INTO ${name} VALUES ('old', 1, 'mine')`)
  const writer = await clickhouse(first()).open(engine.embedded, sinkContext())
  expect(await writer.resumeOffset('input', 0)).toBeUndefined()
  for (let i = 0; i < 2; i++) {
    const batch = writer.begin('input', 0)
    batch.append(chunkOf([{ key: null, value: { name: 'new', amount: 2 }, timestampMs: 0, offset: 5 }]), 6)
    await writer.write(batch)
  }
  expect(await writer.resumeOffset('input', 0)).toBe(6)
  expect(await engine.embedded.query(`SELECT name, note FROM ${name} ORDER BY name`)).toEqual([
    { name: 'new', note: '' },
    { name: 'old', note: 'mine' },
  ])
})

test.each([
  [
    'a column of another type',
    '(name String, amount String) ENGINE = MergeTree ORDER BY name',
    ['amount', 'String', 'Float64'],
  ],
  [
    'another order',
    '(name String, amount Float64) ENGINE = MergeTree ORDER BY (amount, name)',
    ['amount, name'],
  ],
  [
    'partitions',
    '(name String, amount Float64) ENGINE = MergeTree PARTITION BY name ORDER BY name',
    ['partitioned by name'],
  ],
  [
    'an engine that merges rows away',
    '(name String, amount Float64) ENGINE = ReplacingMergeTree ORDER BY name',
    ['ReplacingMergeTree'],
  ],
  ['no engine to rely on', '(name String, amount Float64) ENGINE = Memory', ['Memory']],
])('refuses a table with %s, and says what is wrong', async (_, definition, words) => {
  await engine.embedded.command('CREATE DATABASE IF NOT EXISTS migrations')
  await engine.embedded.command(`CREATE TABLE ${name} ${definition}`)
  const refusal = migrate(engine.embedded, first(), silentLogger)
  await expect(refusal).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    retryable: false,
    place: { table: name },
  })
  for (const word of [name, ...words]) await expect(refusal).rejects.toThrow(word)
})

test('is done by several processes at once', async () => {
  const connections = [engine.embedded, engine.server, await engine.connect(), await engine.connect()]
  await Promise.all(connections.map((connection) => migrate(connection, first(), silentLogger)))
  const { connection, changes } = watched()
  await migrate(connection, first(), silentLogger)
  expect(changes).toEqual([])
})

test.each([
  ['ticks', {}, 'database.table'],
  ['stocks.ticks; DROP', {}, 'database.table'],
  ['stocks.ticks', { columns: {} }, 'no column'],
  ['stocks.ticks', { orderBy: [] }, 'orderBy'],
  ['stocks.ticks', { orderBy: ['other'] }, 'other'],
  ['stocks.ticks', { columns: { a: 'Array(String)' } }, 'Array(String)'],
  ['stocks.ticks', { columns: { _offset: 'String' } }, '_offset'],
  ['stocks.ticks', { columns: { 'a b': 'String' } }, 'a b'],
])('a declaration of %s with %j is no table', (declared, part, word) => {
  const declare = () =>
    clickhouseTable(declared, { columns: { a: 'String' }, orderBy: ['a'], row: () => null, ...part } as never)
  expect(declare).toThrow(word)
})

test('lets a row be only what the columns are', () => {
  const columns = { n: 'Float64', m: 'String' } as const
  clickhouseTable('a.b', {
    columns,
    orderBy: ['n'],
    row: (value: { n: number; m: string; more: Date }) => value,
  })
  // @ts-expect-error a column of the row is missing
  clickhouseTable('a.b', { columns, orderBy: ['n'], row: (value: { n: number }) => value })
  // @ts-expect-error a column of the row has another type
  clickhouseTable('a.b', { columns, orderBy: ['n'], row: (value: { n: string; m: string }) => value })
  // @ts-expect-error no such column
  const undeclared = () => clickhouseTable('a.b', { columns, orderBy: ['x'], row: () => null })
  expect(undeclared).toThrow('orderBy')
})

test('makes a memory of tokens larger that is too small for exactly once, and leaves a larger one alone', async () => {
  await migrate(engine.embedded, first(), silentLogger)
  const windowOf = async (tokens: number) => {
    await engine.embedded.command(
      `ALTER TABLE ${name} MODIFY SETTING non_replicated_deduplication_window = ${tokens}`,
    )
    await migrate(engine.embedded, first(), silentLogger)
    const [table] = await engine.embedded.query<{ engine_full: string }>(
      `SELECT engine_full FROM system.tables WHERE concat(database, '.', name) = '${name}'`,
    )
    return /non_replicated_deduplication_window = (\d+)/.exec(table?.engine_full ?? '')?.[1]
  }
  expect(await windowOf(100)).toBe('10000')
  expect(await windowOf(20_000)).toBe('20000')
})
