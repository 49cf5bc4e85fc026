import { VirtualTimeScheduler } from 'rxjs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type StockTick, ticksTable } from '../../pipelines/market/tables.ts'
import type { ClickHouse } from '../../src/clickhouse/client.ts'
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
  async function recording(insert: (rows: Buffer) => Promise<void> = async () => {}) {
    const sent: Buffer[] = []
    const connection: ClickHouse = {
      ...engine.embedded,
      insert: async (target, rows, options) => {
        sent.push(rows)
        await insert(rows)
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
    const first = sent[0]?.toString()
    await write(writer, 200, 300)
    expect(sent).toHaveLength(3)
    expect(sent[0]?.toString()).toBe(first)
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
