import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { type ColumnValue, columnEncoder } from '../../src/clickhouse/columns.ts'
import { migrate } from '../../src/clickhouse/migrate.ts'
import { RowWriter } from '../../src/clickhouse/row-writer.ts'
import { clickhouse } from '../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../src/clickhouse/table.ts'
import { silentLogger } from '../../src/logger.ts'
import { chunkOf } from '../../src/records/chunk.ts'
import { sinkContext, startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

function writtenAs(type: string, value: unknown): Buffer {
  const writer = new RowWriter()
  columnEncoder(type)(value, writer)
  return writer.bytes
}

describe('a value', () => {
  test.each([
    ['String', 'aé', [3, 0x61, 0xc3, 0xa9]],
    ['Nullable(String)', null, [1]],
    ['LowCardinality(Nullable(String))', 'a', [0, 1, 0x61]],
    ['Float32', 1.5, [0, 0, 0xc0, 0x3f]],
    ['Float64', -0, [0, 0, 0, 0, 0, 0, 0, 0x80]],
    ['Int8', -1, [255]],
    ['UInt16', 258, [2, 1]],
    ['Bool', true, [1]],
    ['Date', '1970-01-03', [2, 0]],
    ["DateTime('UTC')", '1970-01-01T00:01:01.999Z', [61, 0, 0, 0]],
    ["DateTime64(3, 'UTC')", 258, [2, 1, 0, 0, 0, 0, 0, 0]],
    ["DateTime64(3, 'UTC')", '1969-12-31T23:59:59.999Z', [255, 255, 255, 255, 255, 255, 255, 255]],
    ["DateTime64(0, 'UTC')", -1, [255, 255, 255, 255, 255, 255, 255, 255]],
    ['UUID', '00010203-0405-0607-0809-0a0b0c0d0e0f', [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]],
  ])('of %s is written as RowBinary: %s', (type, value, bytes) => {
    expect([...writtenAs(type, value)]).toEqual(bytes)
  })

  test('that is a time is the same as ISO 8601 and as milliseconds', () => {
    const ms = fc.integer({ min: Date.parse('1900-01-01'), max: Date.parse('2299-12-31') })
    const type = fc.integer({ min: 0, max: 8 }).map((digits) => `DateTime64(${digits}, 'UTC')`)
    fc.assert(
      fc.property(type, ms, (of, time) => {
        expect(writtenAs(of, time)).toEqual(writtenAs(of, new Date(time).toISOString()))
      }),
    )
  })

  test.each([
    ['String', 5],
    ['String', null],
    ['Float64', '5'],
    ['Float64', undefined],
    ['Bool', 1],
    ['UInt8', 256],
    ['UInt8', -1],
    ['Int32', 1.5],
    ['Int64', 2 ** 53],
    ['UInt64', Number.NaN],
    ['UInt64', 2n ** 64n],
    ["DateTime64(6, 'UTC')", '2026-13-31T18:41:18Z'],
    ["DateTime64(6, 'UTC')", '2026-01-31 18:41:18'],
    ["DateTime64(6, 'UTC')", '1026-01-31T18:41:18Z'],
    ["DateTime64(6, 'UTC')", Number.NaN],
    ["DateTime64(6, 'UTC')", '2026-02-30T00:00:00Z'],
    ["DateTime64(6, 'UTC')", '2025-02-29T00:00:00Z'],
    ["DateTime64(6, 'UTC')", '2100-02-29T00:00:00Z'],
    ["DateTime64(6, 'UTC')", '2026-04-31T00:00:00Z'],
    ["DateTime64(6, 'UTC')", '2300-01-01T00:00:00Z'],
    ["DateTime64(9, 'UTC')", '2262-04-11T23:47:16.854775808Z'],
    ["DateTime64(9, 'UTC')", '2298-01-01T00:00:00Z'],
    ["DateTime('UTC')", '2106-02-07T06:28:16Z'],
    ["DateTime('UTC')", '1969-12-31T23:59:59.999Z'],
    ["DateTime('UTC')", -1],
    ['Date', '2026-02-45'],
    ['Date', '2026-02-30'],
    ['Date', '2149-06-07'],
    ['Date', '1969-12-31'],
    ['UUID', 'no'],
  ])('of %s refuses %s, which ClickHouse would have made something else of', (type, value) => {
    expect(() => writtenAs(type, value)).toThrow(/ is no /)
  })

  test.each(['Array(String)', "DateTime64(6, 'Europe/Berlin')", 'DateTime', 'Strin'])(
    'can not be of type %s',
    (type) => {
      expect(() => columnEncoder(type)).toThrow(type)
    },
  )
})

test('gives each column its TypeScript type', () => {
  expectTypeOf<ColumnValue<'LowCardinality(Nullable(String))'>>().toEqualTypeOf<string | null>()
  expectTypeOf<ColumnValue<'UInt64'>>().toEqualTypeOf<number | bigint>()
  expectTypeOf<ColumnValue<'Float64'>>().toEqualTypeOf<number>()
  expectTypeOf<ColumnValue<"DateTime64(6, 'UTC')">>().toEqualTypeOf<string | number>()
  expectTypeOf<ColumnValue<"DateTime64(6, 'Europe/Berlin')">>().toEqualTypeOf<never>()
  expectTypeOf<ColumnValue<'Bool'>>().toEqualTypeOf<boolean>()
})

describe('through ClickHouse', () => {
  let engine: TestClickHouse
  beforeAll(async () => {
    engine = await startTestClickHouse()
  })
  afterAll(() => engine.close())

  interface Everything {
    readonly id: number
    readonly text: string
    readonly maybe: string | null
    readonly float: number
    readonly small: number
    readonly large: bigint
    readonly flag: boolean
    readonly time: string
  }

  const everything = clickhouseTable('columns.everything', {
    columns: {
      id: 'UInt32',
      text: 'String',
      maybe: 'LowCardinality(Nullable(String))',
      float: 'Float64',
      small: 'Int8',
      large: 'UInt64',
      flag: 'Bool',
      time: "DateTime64(6, 'UTC')",
    },
    orderBy: ['id'],
    row: (row: Everything) => row,
  })

  // Any characters, also a surrogate that stands alone: UTF-8 has none, so it becomes U+FFFD.
  const text = fc.string({ unit: 'binary' })
  const wellFormed = (value: string) => Buffer.from(value).toString()
  const time = fc
    .tuple(
      fc.date({ min: new Date('1900-01-01'), max: new Date('2299-12-31'), noInvalidDate: true }),
      fc.integer({ min: 0, max: 999 }),
    )
    .map(([date, micros]) => `${date.toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`)
  const row = fc.record({
    text,
    maybe: fc.option(text),
    float: fc.double({ noDefaultInfinity: true, noNaN: true }),
    small: fc.integer({ min: -128, max: 127 }),
    large: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    flag: fc.boolean(),
    time,
  })

  test.each(['embedded', 'server'] as const)('every value comes back as it was, %s', async (kind) => {
    await migrate(engine[kind], everything, silentLogger)
    const writer = await clickhouse(everything).open(engine[kind], sinkContext())
    let offset = 0
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 200 }), async (values) => {
        const first = offset
        const rows = values.map((value, i) => ({ ...value, id: first + i }))
        offset += rows.length
        const batch = writer.begin(kind, 0)
        batch.append(
          chunkOf(rows.map((value, i) => ({ key: null, value, timestampMs: 0, offset: first + i }))),
          offset,
        )
        await writer.write(batch)
        const found = await engine[kind].query<Record<string, unknown>>(
          `SELECT id, text, maybe, float, small, toString(large) AS large, flag, time FROM columns.everything
           WHERE _topic = {kind:String} AND _offset >= {first:UInt64} ORDER BY id`,
          { kind, first },
        )
        expect(found).toEqual(
          rows.map((value) => ({
            ...value,
            text: wellFormed(value.text),
            maybe: value.maybe === null ? null : wellFormed(value.maybe),
            large: `${value.large}`,
          })),
        )
      }),
      { numRuns: 25 },
    )
  })

  test.each([
    ['Date', '1970-01-01', '1970-01-01'],
    ['Date', '2149-06-06', '2149-06-06'],
    ["DateTime('UTC')", '1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z'],
    ["DateTime('UTC')", '2106-02-07T06:28:15.999Z', '2106-02-07T06:28:15Z'],
    ["DateTime64(3, 'UTC')", '1900-01-01T00:00:00.001Z', '1900-01-01T00:00:00.001Z'],
    ["DateTime64(6, 'UTC')", '2299-12-31T23:59:59.999999Z', '2299-12-31T23:59:59.999999Z'],
    ["DateTime64(9, 'UTC')", '1900-01-01T00:00:00Z', '1900-01-01T00:00:00.000000000Z'],
    ["DateTime64(9, 'UTC')", '2262-04-11T23:47:16.85Z', '2262-04-11T23:47:16.850000000Z'],
    ["DateTime64(9, 'UTC')", '2262-04-11T23:47:16.8547758079Z', '2262-04-11T23:47:16.854775807Z'],
    ['UUID', '61f0c404-5cb3-11e7-907b-a6006ad3dba0', '61f0c404-5cb3-11e7-907b-a6006ad3dba0'],
  ] as const)('the last, or any, value that a %s can hold comes back: %s', async (type, value, found) => {
    const name = `columns.last_${type.replace(/\W/g, '')}_${value.replace(/\D/g, '')}`
    const table = clickhouseTable(name, {
      columns: { value: type },
      orderBy: ['value'],
      row: (row: { value: string }) => row,
    })
    const writer = await clickhouse(table).open(engine.embedded, sinkContext())
    const batch = writer.begin('last', 0)
    batch.append(chunkOf([{ key: null, value: { value }, timestampMs: 0, offset: 0 }]), 1)
    await writer.write(batch)
    expect(await engine.embedded.query(`SELECT value FROM ${name}`)).toEqual([{ value: found }])
  })

  test('cuts digits that the column can not hold', async () => {
    await migrate(engine.embedded, everything, silentLogger)
    const writer = await clickhouse(everything).open(engine.embedded, sinkContext())
    const batch = writer.begin('cut', 0)
    const value = {
      id: 0,
      text: '',
      maybe: null,
      float: 0,
      small: 0,
      large: 0n,
      flag: false,
      time: '2026-01-31T18:41:18.123456789Z',
    }
    batch.append(chunkOf([{ key: null, value, timestampMs: 0, offset: 0 }]), 1)
    await writer.write(batch)
    expect(await engine.embedded.query("SELECT time FROM columns.everything WHERE _topic = 'cut'")).toEqual([
      { time: '2026-01-31T18:41:18.123456Z' },
    ])
  })
})
