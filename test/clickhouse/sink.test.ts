import { VirtualTimeScheduler } from 'rxjs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type StockTick, ticksTable } from '../../pipelines/market/tables.ts'
import type { CallOptions, ClickHouse, QueryParams } from '../../src/clickhouse/client.ts'
import { clickhouse } from '../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../src/clickhouse/table.ts'
import { createClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { chunkOf } from '../../src/records/chunk.ts'
import type { RetryPolicy } from '../../src/retry.ts'
import type { SinkWriter } from '../../src/stream/sink.ts'
import { sinkContext, startTestClickHouse, type TestClickHouse } from '../support/clickhouse.ts'

interface Row {
  readonly name: string
  readonly amount: number
}

const quick: RetryPolicy = { initialMs: 1, waitMsMax: 5 }
let engine: TestClickHouse
let tables = 0

beforeAll(async () => {
  engine = await startTestClickHouse()
})
afterAll(() => engine.close())
afterEach(() => {
  engine.front.fault = () => undefined
})

/** A new table of its own for each test. */
function newTable() {
  tables += 1
  return clickhouseTable(`sinks.t${tables}`, {
    columns: { name: 'String', amount: 'Float64' },
    orderBy: ['name'],
    row: (row: Row) => (row.name === 'skipped' ? null : row),
  })
}

function rows(from: number, to: number): { key: null; value: Row; timestampMs: number; offset: number }[] {
  return Array.from({ length: to - from }, (_, i) => ({
    key: null,
    value: { name: `n${from + i}`, amount: from + i },
    timestampMs: from + i,
    offset: from + i,
  }))
}

function write(writer: SinkWriter<unknown, Row>, from: number, to: number, partition = 0) {
  const batch = writer.begin('input', partition)
  batch.append(chunkOf(rows(from, to)), to)
  return writer.write(batch)
}

async function offsetsIn(connection: ClickHouse, name: string): Promise<number[]> {
  const found = await connection.query<{ _offset: number }>(
    `SELECT _offset FROM ${name} ORDER BY _partition, _offset`,
  )
  return found.map((row) => row._offset)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

describe('the buffer of a batch', () => {
  async function recording(insert: () => Promise<void> = async () => {}) {
    const sent: Buffer[] = []
    const connection: ClickHouse = {
      ...engine.embedded,
      insert: async (target, rows, options) => {
        sent.push(rows.bytes)
        await insert()
        await engine.embedded.insert(target, rows, options)
      },
    }
    const writer = await clickhouse(newTable(), { retryPolicy: quick }).open(connection, sinkContext())
    return { sent, writer }
  }

  test('serves the next one, once ClickHouse has all of it', async () => {
    const { sent, writer } = await recording()
    await write(writer, 100, 200)
    await write(writer, 200, 300)
    expect(sent[1]?.buffer).toBe(sent[0]?.buffer)
    const batch = writer.begin('input', 0)
    batch.append(chunkOf(rows(300, 301)), 301)
    await writer.write(batch)
    await expect(writer.write(batch)).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  test('is left alone where a try that was given up may still be reading it', async () => {
    let tries = 0
    const { sent, writer } = await recording(async () => {
      tries++
      if (tries === 1) throw new RivuletError('TIMED_OUT', 'no answer', { retryable: true })
    })
    await write(writer, 100, 200)
    const first = sent[0]?.toString('hex')
    await write(writer, 200, 300)
    expect(sent).toHaveLength(3)
    expect(sent[0]?.toString('hex')).toBe(first)
  })
})

describe.each(['embedded', 'server'] as const)('the sink, %s', (kind) => {
  test('makes the table, writes batches in order, and knows where to go on', async () => {
    const target = newTable()
    const writer = await clickhouse(target).open(engine[kind], sinkContext())
    expect(await writer.resumeOffset('input', 0)).toBeUndefined()
    expect(await write(writer, 0, 100)).toEqual({ nextOffset: 100 })
    expect(await write(writer, 100, 250)).toEqual({ nextOffset: 250 })
    expect(await write(writer, 7, 9, 3)).toEqual({ nextOffset: 9 })
    expect(await writer.resumeOffset('input', 0)).toBe(250)
    expect(await writer.resumeOffset('input', 3)).toBe(9)
    expect(await writer.resumeOffset('other', 0)).toBeUndefined()

    const reopened = await clickhouse(target).open(engine[kind], sinkContext())
    expect(await reopened.resumeOffset('input', 0)).toBe(250)
    const found = await engine[kind].query(
      `SELECT name, amount, _offset, _from, _to FROM ${target.name} ORDER BY _partition, _offset`,
    )
    const written = (from: number, to: number) =>
      range(from, to).map((at) => ({ name: `n${at}`, amount: at, _offset: at, _from: from, _to: to - 1 }))
    expect(found).toEqual([...written(0, 100), ...written(100, 250), ...written(7, 9)])
  })

  test('counts records that were filtered out as done', async () => {
    const target = newTable()
    const writer = await clickhouse(target).open(engine[kind], sinkContext())
    const batch = writer.begin('input', 0)
    batch.append(
      chunkOf([{ key: null, value: { name: 'skipped', amount: 0 }, timestampMs: 0, offset: 0 }]),
      1,
    )
    batch.append(chunkOf(rows(1, 3)), 10)
    expect(batch.rows).toBe(2)
    expect(await writer.write(batch)).toEqual({ nextOffset: 10 })
    expect(await writer.resumeOffset('input', 0)).toBe(10)

    const empty = writer.begin('input', 0)
    empty.append(chunkOf<unknown, Row>([]), 12)
    expect(await writer.write(empty)).toEqual({ nextOffset: 12 })
  })

  test('writes a batch once although it is written twice', async () => {
    const target = newTable()
    const writer = await clickhouse(target).open(engine[kind], sinkContext())
    await write(writer, 0, 50)
    expect(await write(writer, 0, 50)).toEqual({ nextOffset: 50 })
    expect(await offsetsIn(engine[kind], target.name)).toEqual(range(0, 50))
  })

  test('goes on behind a rival writer that was first, whatever size its batch has', async () => {
    const target = newTable()
    const ours = await clickhouse(target).open(engine[kind], sinkContext())
    const rival = await clickhouse(target).open(engine.embedded, sinkContext())
    await write(ours, 0, 10)
    await write(rival, 10, 15)
    expect(await write(ours, 10, 40)).toEqual({ nextOffset: 15 })
    await write(rival, 15, 60)
    expect(await write(ours, 15, 20)).toEqual({ nextOffset: 60 })
    expect(await offsetsIn(engine[kind], target.name)).toEqual(range(0, 60))
  })

  test('says table, topic, partition, offset and column of a record that makes no row, and keeps the batch as it was', async () => {
    const target = newTable()
    const writer = await clickhouse(target).open(engine[kind], sinkContext())
    const batch = writer.begin('input', 0)
    batch.append(chunkOf(rows(0, 5)), 5)
    const wrong = {
      key: null,
      value: { name: 'x', amount: 'many' as unknown as number },
      timestampMs: 0,
      offset: 6,
    }
    const error = catchError(() => batch.append(chunkOf([...rows(5, 6), wrong]), 7))
    expect(error).toMatchObject({
      code: 'ENCODE_FAILED',
      retryable: false,
      place: { table: target.name, topic: 'input', partition: 0, offset: 6 },
    })
    expect(error.message).toContain('amount')
    expect(batch.rows).toBe(5)
    await writer.write(batch)
    expect(await offsetsIn(engine[kind], target.name)).toEqual(range(0, 5))
  })

  test('rejects with table, rows and offsets when ClickHouse refuses the rows, and writes none of them', async () => {
    const target = newTable()
    const writer = await clickhouse(target).open(engine[kind], sinkContext())
    await engine.embedded.command(`ALTER TABLE ${target.name} ADD CONSTRAINT small CHECK amount < 5`)
    await expect(write(writer, 0, 10)).rejects.toMatchObject({
      code: 'CLICKHOUSE_REJECTED',
      retryable: false,
      place: { table: target.name, rows: 10, topic: 'input', partition: 0, offset: 0 },
    })
    expect(await offsetsIn(engine[kind], target.name)).toEqual([])
  })
})

describe.each(['embedded', 'server'] as const)('of a batch with refused rows, %s', (kind) => {
  interface Placed extends Row {
    readonly offset: number
  }

  /** A table that takes no amount below zero, and what was refused of it so far. */
  async function choosy() {
    const target = newTable()
    const writer = await clickhouse(target, { retryPolicy: quick }).open(engine[kind], sinkContext())
    await engine.embedded.command(`ALTER TABLE ${target.name} ADD CONSTRAINT positive CHECK amount >= 0`)
    const refused: { offset: number; written: number[] }[] = []
    const put = (records: readonly Placed[], nextOffset: number) => {
      const batch = writer.begin('input', 0)
      batch.append(
        chunkOf(records.map(({ offset, ...value }) => ({ key: null, value, timestampMs: 0, offset }))),
        nextOffset,
      )
      return writer.write(batch, async (offset, error) => {
        expect(error).toMatchObject({ code: 'CLICKHOUSE_REJECTED', place: { offset } })
        refused.push({ offset, written: await offsetsIn(engine.embedded, target.name) })
      })
    }
    return { target, writer, refused, put }
  }

  const placed = (from: number, to: number, bad: readonly number[]): Placed[] =>
    range(from, to).map((offset) => ({ name: `n${offset}`, amount: bad.includes(offset) ? -1 : 1, offset }))

  test('the others are written in ranges that follow each other, none behind a record before it was given away', async () => {
    const { target, writer, refused, put } = await choosy()
    expect(await put(placed(0, 40, [0, 7, 8, 31]), 42)).toEqual({ nextOffset: 42 })
    expect(refused).toEqual([
      { offset: 0, written: [] },
      { offset: 7, written: range(1, 7) },
      { offset: 8, written: range(1, 7) },
      { offset: 31, written: [...range(1, 7), ...range(9, 31)] },
    ])
    expect(await writer.resumeOffset('input', 0)).toBe(42)
    const rows = await engine.embedded.query<{ _offset: number; _from: number; _to: number }>(
      `SELECT _offset, _from, _to FROM ${target.name} ORDER BY _offset`,
    )
    expect(rows.map((row) => row._offset)).toEqual(range(0, 40).filter((at) => ![0, 7, 8, 31].includes(at)))
    const ranges = [...new Map(rows.map((row) => [row._from, row._to]))]
    for (const [i, [from, to]] of ranges.entries()) {
      expect(to).toBeLessThan(ranges[i + 1]?.[0] ?? 42)
      expect(
        rows.filter((row) => row._offset >= from && row._offset <= to).every((row) => row._from === from),
      ).toBe(true)
    }
  })

  test('the rows of one record stay together: all are there, or none', async () => {
    const { target, refused, put } = await choosy()
    const twice = placed(0, 6, []).flatMap((row) => [row, { ...row, amount: row.offset === 3 ? -1 : 2 }])
    await put(twice, 6)
    expect(refused.map(({ offset }) => offset)).toEqual([3])
    expect(await offsetsIn(engine.embedded, target.name)).toEqual([0, 0, 1, 1, 2, 2, 4, 4, 5, 5])
  })

  test('none is there when all are refused, and what comes next goes on behind them', async () => {
    const { target, refused, put } = await choosy()
    expect(await put(placed(0, 3, [0, 1, 2]), 3)).toEqual({ nextOffset: 3 })
    expect(refused).toHaveLength(3)
    expect(await put(placed(3, 5, []), 5)).toEqual({ nextOffset: 5 })
    expect(await offsetsIn(engine.embedded, target.name)).toEqual([3, 4])
  })

  test('a rival that has taken them all meanwhile is followed', async () => {
    const { target, writer, refused, put } = await choosy()
    await put(placed(0, 1, []), 1)
    await engine.embedded.command(`ALTER TABLE ${target.name} DROP CONSTRAINT positive`)
    const rival = await clickhouse(target).open(engine.embedded, sinkContext())
    await write(rival, 1, 4)
    await engine.embedded.command(`ALTER TABLE ${target.name} ADD CONSTRAINT positive CHECK amount >= 0`)
    expect(await put(placed(1, 9, [1]), 9)).toEqual({ nextOffset: 4 })
    expect(refused).toHaveLength(1)
    expect(await writer.resumeOffset('input', 0)).toBe(4)
    expect(await offsetsIn(engine.embedded, target.name)).toEqual(range(0, 4))
  })

  test("a table that is not there is nobody's fault: the batch fails, and no record is given away", async () => {
    const { target, refused, put } = await choosy()
    await engine.embedded.command(`DROP TABLE ${target.name} SYNC`)
    await expect(put(placed(0, 4, []), 4)).rejects.toMatchObject({ code: 'CLICKHOUSE_REJECTED' })
    expect(refused).toEqual([])
  })

  test('a record that must not be left out fails the batch', async () => {
    const { writer } = await choosy()
    const batch = writer.begin('input', 0)
    batch.append(chunkOf([{ key: null, value: { name: 'a', amount: -1 }, timestampMs: 0, offset: 0 }]), 1)
    await expect(writer.write(batch, (_, error) => Promise.reject(error))).rejects.toMatchObject({
      code: 'CLICKHOUSE_REJECTED',
    })
  })
})

describe('a profile', () => {
  test('without deduplication lets no row in twice', async () => {
    const target = newTable()
    const own = await engine.connect({ url: undefined, path: engine.path })
    await own.command('SET insert_deduplicate = 0')
    await own.command("SET deduplicate_insert = 'disable'")
    const ours = await clickhouse(target).open(own, sinkContext())
    const rival = await clickhouse(target).open(own, sinkContext())
    await rival.resumeOffset('input', 0)
    await write(ours, 0, 50)
    expect(await write(rival, 0, 50)).toEqual({ nextOffset: 50 })
    expect(await offsetsIn(own, target.name)).toEqual(range(0, 50))
  })

  test('with small blocks makes no second part of a batch', async () => {
    const target = newTable()
    const own = await engine.connect({ url: undefined, path: engine.path })
    for (const setting of ['max_insert_block_size', 'min_insert_block_size_rows'])
      await own.command(`SET ${setting} = 10`)
    await own.command('SET min_insert_block_size_bytes = 100')
    const writer = await clickhouse(target).open(own, sinkContext())
    await engine.embedded.command(`SYSTEM STOP MERGES ${target.name}`)
    await write(writer, 0, 1_000)
    const [database, table] = target.name.split('.')
    const parts = await own.query<{ rows: number }>(
      `SELECT rows FROM system.parts WHERE database = '${database}' AND table = '${table}' AND active`,
    )
    expect(parts).toEqual([{ rows: 1_000 }])
  })

  test('with errors allowed drops no row in silence', async () => {
    const target = newTable()
    const own = await engine.connect({ url: undefined, path: engine.path })
    await own.command('SET input_format_allow_errors_num = 10')
    const writer = await clickhouse(target).open(own, sinkContext())
    await engine.embedded.command(`ALTER TABLE ${target.name} MODIFY COLUMN amount UInt8`)
    const batch = writer.begin('input', 0)
    const amounts = [1, 1.5, 2]
    batch.append(
      chunkOf(
        amounts.map((amount, offset) => ({
          key: null,
          value: { name: 'n', amount },
          timestampMs: 0,
          offset,
        })),
      ),
      3,
    )
    const refused = vi.fn(async () => {})
    // It is the table that is at fault, and no row.
    await expect(writer.write(batch, refused)).rejects.toThrow(/amount/)
    expect(refused).not.toHaveBeenCalled()
    expect(await offsetsIn(own, target.name)).toEqual([])
  })
})

test('a writer that slept for longer than the table remembers tokens goes on behind those who wrote meanwhile', async () => {
  const target = newTable()
  const scheduler = new VirtualTimeScheduler()
  const clock = createClock(scheduler)
  const own = await engine.connect({ url: undefined, path: engine.path, clock })
  const asleep = await clickhouse(target).open(own, { ...sinkContext(), clock })
  const awake = await clickhouse(target).open(engine.embedded, sinkContext())
  await engine.embedded.command(
    `ALTER TABLE ${target.name} MODIFY SETTING non_replicated_deduplication_window = 2`,
  )
  expect(await asleep.resumeOffset('input', 0)).toBeUndefined()
  const batch = asleep.begin('input', 0)
  batch.append(chunkOf(rows(0, 5)), 5)
  for (let from = 0; from < 8; from++) await write(awake, from, from + 1)
  scheduler.schedule(() => {}, 31_000)
  scheduler.flush()
  expect(await asleep.write(batch)).toEqual({ nextOffset: 8 })
  expect(await offsetsIn(engine.embedded, target.name)).toEqual(range(0, 8))
})

test('a token whose rows the server has lost is passed by: no start fails for it', async () => {
  const target = newTable()
  const first = await clickhouse(target).open(engine.embedded, sinkContext())
  await write(first, 0, 10)
  await write(first, 10, 20)
  // As a kill leaves it between the token's note and the part: the token is known, and the rows are not there.
  await engine.embedded.command(
    `ALTER TABLE ${target.name} DELETE WHERE _offset >= 10 SETTINGS mutations_sync = 2`,
  )
  const start = () => clickhouse(target, { retryPolicy: quick }).open(engine.embedded, sinkContext())
  const [next, rival] = [await start(), await start()]
  expect(await next.resumeOffset('input', 0)).toBe(10)
  expect(await rival.resumeOffset('input', 0)).toBe(10)
  expect(await write(next, 10, 25)).toEqual({ nextOffset: 25 })
  expect(await write(rival, 10, 20)).toEqual({ nextOffset: 25 })
  expect(await offsetsIn(engine.embedded, target.name)).toEqual(range(0, 25))
})

test('a replica that is behind makes no writer go back', async () => {
  const target = newTable()
  const scheduler = new VirtualTimeScheduler()
  const clock = createClock(scheduler)
  const tokens: unknown[] = []
  let behind = false
  const balanced: ClickHouse = {
    ...engine.embedded,
    insert: (into, rows, options) => {
      behind = false
      tokens.push(into.settings.insert_deduplication_token)
      return engine.embedded.insert(into, rows, options)
    },
    query: <T>(sql: string, ...rest: [QueryParams?, CallOptions?]) =>
      behind ? Promise.resolve([{ found: 0, last: [0, 0, 0] } as T]) : engine.embedded.query<T>(sql, ...rest),
  }
  const writer = await clickhouse(target).open(balanced, { ...sinkContext(), clock })
  await write(writer, 0, 10)
  behind = true
  scheduler.schedule(() => {}, 31_000)
  scheduler.flush()
  await write(writer, 10, 20)
  expect(tokens).toEqual([`${target.name}/input/0/0`, `${target.name}/input/0/10`])
})

describe('the sink, while the server', () => {
  async function open(retryPolicy: RetryPolicy = quick, signal?: AbortSignal) {
    const target = newTable()
    const writer = await clickhouse(target, { retryPolicy }).open(engine.server, sinkContext(signal))
    const before = engine.front.count('insert')
    return { target, writer, inserts: () => engine.front.count('insert') - before }
  }

  test('breaks the connection after the insert was done, writes the rows once', async () => {
    const { target, writer, inserts } = await open()
    let resets = 0
    engine.front.fault = ({ kind }) =>
      kind === 'insert' && resets++ < 3 ? { kind: 'reset', when: 'after' } : undefined
    expect(await write(writer, 0, 100)).toEqual({ nextOffset: 100 })
    expect(inserts()).toBe(4)
    expect(await offsetsIn(engine.server, target.name)).toEqual(range(0, 100))
  })

  test('answers errors for a while, tries again until it works', async () => {
    const { target, writer, inserts } = await open()
    const answers = [
      { status: 503 },
      { status: 500, body: 'Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS) (version 26.7)' },
      { status: 500, body: 'Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)' },
    ]
    engine.front.fault = ({ kind }) => {
      const answer = kind === 'insert' ? answers.shift() : undefined
      return answer && { kind: 'error', ...answer }
    }
    expect(await write(writer, 0, 10)).toEqual({ nextOffset: 10 })
    expect(inserts()).toBe(4)
    expect(await offsetsIn(engine.server, target.name)).toEqual(range(0, 10))
  })

  test.each([
    [
      'an exception in the body',
      {
        body: 'Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED) (version 23.8)',
      },
    ],
    ['an exception in a header', { headers: { 'X-ClickHouse-Exception-Code': '209' } }],
    ['a page of a proxy', { body: '<html>Please log in</html>' }],
  ])('answers inserts with 200 and %s, does not take them for done', async (_, answer) => {
    const { target, writer, inserts } = await open()
    let left = 6
    engine.front.fault = ({ kind }) =>
      kind === 'insert' && left-- > 0 ? { kind: 'error', status: 200, ...answer } : undefined
    expect(await write(writer, 0, 10)).toEqual({ nextOffset: 10 })
    expect(inserts()).toBe(7)
    expect(await offsetsIn(engine.server, target.name)).toEqual(range(0, 10))
  })

  test('has something else answer in its place, does not begin anew for its sake', async () => {
    const { target, writer } = await open()
    await write(writer, 0, 10)
    const answers = ['', '<html>Please log in</html>', '{"found":', '\n']
    engine.front.fault = ({ kind }) => {
      const body = kind === 'query' ? answers.shift() : undefined
      return body === undefined ? undefined : { kind: 'error', status: 200, body }
    }
    const next = await clickhouse(target, { retryPolicy: quick }).open(engine.embedded, sinkContext())
    expect(await next.resumeOffset('input', 0)).toBe(10)
    expect(await writer.resumeOffset('input', 0)).toBe(10)
    expect(answers).toEqual([])
  })

  test('is down, waits, and writes when it is up again', async () => {
    const { target, writer } = await open()
    await engine.front.down()
    const written = write(writer, 0, 10)
    await engine.front.up()
    expect(await written).toEqual({ nextOffset: 10 })
    expect(await offsetsIn(engine.server, target.name)).toEqual(range(0, 10))
  })

  test('does not answer in time, repeats the insert and writes the rows once', async () => {
    const target = newTable()
    const scheduler = new VirtualTimeScheduler()
    const impatient = await engine.connect({ clock: createClock(scheduler), insertTimeoutMs: 1_000 })
    const writer = await clickhouse(target, { retryPolicy: quick }).open(impatient, sinkContext())
    let release = () => {}
    const until = new Promise<void>((resolve) => {
      release = resolve
    })
    let inserts = 0
    engine.front.fault = ({ kind }) => {
      if (kind !== 'insert' || inserts++ > 0) return undefined
      scheduler.flush()
      return { kind: 'hold', until }
    }
    expect(await write(writer, 0, 10)).toEqual({ nextOffset: 10 })
    expect(inserts).toBe(2)
    // The insert that was given up comes through after all, late.
    release()
    await write(writer, 10, 11)
    expect(await offsetsIn(engine.server, target.name)).toEqual(range(0, 11))
  })

  test('stays away, gives up when the program stops', async () => {
    const stop = new AbortController()
    const { writer } = await open(quick, stop.signal)
    engine.front.fault = ({ kind, number }) => {
      if (number > 3) stop.abort(new Error('stopped'))
      return kind === 'insert' ? { kind: 'error', status: 503 } : undefined
    }
    await expect(write(writer, 0, 10)).rejects.toThrow()
  })

  test('says that it took rows which are not there, lets nobody believe it', async () => {
    const { writer } = await open()
    engine.front.fault = ({ kind }) => (kind === 'insert' ? { kind: 'error', status: 200 } : undefined)
    await expect(write(writer, 0, 10)).rejects.toMatchObject({ code: 'CLICKHOUSE_FAILED', retryable: false })
  })
})

test('keeps each record once when three writers go for the same partition at once, with batches of any size', async () => {
  const target = newTable()
  const end = 600
  const lossy = new Map<number, 'before' | 'after'>([
    [3, 'after'],
    [5, 'before'],
    [8, 'after'],
  ])
  const start = engine.front.count('insert')
  engine.front.fault = ({ kind, number }) => {
    const when = lossy.get(number - start)
    return kind === 'insert' && when ? { kind: 'reset', when } : undefined
  }
  const rival = async (connection: ClickHouse, seed: number) => {
    const writer = await clickhouse(target, { retryPolicy: quick }).open(connection, sinkContext())
    let next = (await writer.resumeOffset('input', 0)) ?? 0
    for (let step = 1; next < end; step++) {
      const size = 1 + ((step * seed * 7919) % 53)
      next = (await write(writer, next, Math.min(next + size, end))).nextOffset
    }
  }
  await Promise.all([rival(engine.server, 1), rival(engine.server, 2), rival(engine.embedded, 3)])
  expect(await offsetsIn(engine.embedded, target.name)).toEqual(range(0, end))
})

test('writes ticks so that they come back as they were', async () => {
  const writer = await clickhouse(ticksTable).open(engine.embedded, sinkContext())
  const tick: StockTick = {
    symbol: 'BTC',
    price: 77302.99,
    volume: 0.0045,
    timestamp: '2026-01-31T18:41:18.123456Z',
    trade_id: 9007199254740991,
    side: 'buy',
    exchange: 'coin\tbase\\\n',
  }
  const batch = writer.begin('stock-ticks', 0)
  batch.append(chunkOf([{ key: 'BTC', value: tick, timestampMs: 0, offset: 0 }]), 1)
  await writer.write(batch)
  const found = await engine.server.query<StockTick>(
    'SELECT symbol, price, volume, timestamp, trade_id, side, exchange FROM stocks.ticks',
  )
  expect(found).toEqual([tick])
})

function catchError(work: () => void): RivuletError {
  try {
    work()
  } catch (error) {
    if (error instanceof RivuletError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
