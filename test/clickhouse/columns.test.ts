import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { type ColumnValue, fieldEncoder } from '../../src/clickhouse/columns.ts'
import { FieldWriter } from '../../src/clickhouse/field-writer.ts'
import { migrate } from '../../src/clickhouse/migrate.ts'
import { clickhouse } from '../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../src/clickhouse/table.ts'
import { silentLogger } from '../../src/logger.ts'
import { chunkOf } from '../../src/records/chunk.ts'
import { sinkContext, startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

function fieldOf(type: string, value: unknown): string {
  const writer = new FieldWriter()
  fieldEncoder(type)(value, writer)
  return writer.bytes.toString()
}

describe('a field', () => {
  test.each([
    ['String', 'a\tb\nc\\d\re\0f', 'a\\tb\\nc\\\\d\\re\\0f'],
    ['Nullable(String)', null, '\\N'],
    ['Nullable(String)', '\\N', '\\\\N'],
    ['Float64', 1e21, '1e+21'],
    ['Float64', -0, '-0'],
    ['Float64', Number.NEGATIVE_INFINITY, '-inf'],
    ['UInt64', 2n ** 64n - 1n, '18446744073709551615'],
    ['Bool', true, 'true'],
    ["DateTime64(6, 'UTC')", '2026-01-31T18:41:18.123456Z', '2026-01-31T18:41:18.123456'],
    ["DateTime64(3, 'UTC')", 1769884878123, '2026-01-31T18:41:18.123'],
    ["DateTime64(3, 'UTC')", '2024-02-29T00:00:00Z', '2024-02-29T00:00:00'],
    ["DateTime64(3, 'UTC')", '2000-02-29T00:00:00Z', '2000-02-29T00:00:00'],
  ])('of %s writes %s', (type, value, text) => {
    expect(fieldOf(type, value)).toBe(text)
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
    expect(() => fieldOf(type, value)).toThrow(/ is no /)
  })

  test.each(['Array(String)', "DateTime64(6, 'Europe/Berlin')", 'DateTime', 'Strin'])(
    'can not be of type %s',
    (type) => {
      expect(() => fieldEncoder(type)).toThrow(type)
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
  ] as const)('the last time that a %s can hold comes back: %s', async (type, value, found) => {
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
