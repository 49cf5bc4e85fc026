import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type StartedProgram, startProgram } from '../support/program.ts'
import { type RealKafka, startRealKafka } from '../support/real-kafka.ts'
import { isThere, type RecordedTrade, recordings, tradesOf } from '../support/recording.ts'

const close = (value: number) => expect.closeTo(value, 8)

function bySymbol(trades: readonly RecordedTrade[]): Map<string, RecordedTrade[]> {
  const symbols = new Map<string, RecordedTrade[]>()
  for (const trade of trades) symbols.set(trade.symbol, [...(symbols.get(trade.symbol) ?? []), trade])
  return new Map([...symbols].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const minuteMs = 60_000
const graceMs = 5_000

/** Trades that come after their minute and its grace, by the trades before them, are in no candle. */
function inTime(trades: readonly RecordedTrade[]): RecordedTrade[] {
  let streamTimeMs = 0
  return trades.filter(({ timestamp }) => {
    const timeMs = Date.parse(timestamp)
    streamTimeMs = Math.max(streamTimeMs, timeMs)
    return timeMs - (timeMs % minuteMs) + minuteMs + graceMs > streamTimeMs
  })
}

function inOrderOfTime(trades: readonly RecordedTrade[]): RecordedTrade[] {
  return trades.toSorted((a, b) =>
    a.timestamp === b.timestamp ? a.trade_id - b.trade_id : a.timestamp < b.timestamp ? -1 : 1,
  )
}

/** Every figure of the API, worked out from the lines of the recording. */
async function expectEveryFigure(
  program: StartedProgram,
  trades: readonly RecordedTrade[],
): Promise<{ late: number; counters: Record<string, number> }> {
  const inOrder = inOrderOfTime(trades)
  const onTime = inTime(trades)
  const symbols = bySymbol(inOrder)
  await program.until<{ count: number }>('/api/count', ({ count }) => count >= trades.length)
  expect(await program.get('/api/count')).toEqual({ count: trades.length })
  expect(await program.get('/api/symbols')).toEqual([...symbols.keys()])
  expect(await program.get('/api/latest')).toEqual(
    [...symbols.values()].map((of) => {
      const { timestamp, ...last } = of.at(-1) as RecordedTrade
      return { ...last, last_update: timestamp }
    }),
  )
  expect(await program.get('/api/history?minutes=0')).toEqual(
    inOrder.map(({ timestamp, symbol, price }) => ({ timestamp, symbol, price })),
  )
  expect(await program.get('/api/recent?limit=1000')).toEqual(inOrder.toReversed())
  expect(await program.get('/api/stats')).toEqual(
    [...symbols].map(([symbol, of]) => ({
      symbol,
      tick_count: of.length,
      min_price: Math.min(...of.map(({ price }) => price)),
      max_price: Math.max(...of.map(({ price }) => price)),
      avg_price: close(of.reduce((sum, { price }) => sum + price, 0) / of.length),
      total_volume: close(of.reduce((sum, { volume }) => sum + volume, 0)),
    })),
  )
  for (const intervalMs of [minuteMs, 5 * minuteMs]) {
    const candles = new Map<string, RecordedTrade[]>()
    for (const trade of inOrderOfTime(onTime)) {
      const startMs = Math.floor(Date.parse(trade.timestamp) / intervalMs) * intervalMs
      const key = `${new Date(startMs).toISOString().replace('Z', '000Z')} ${trade.symbol}`
      candles.set(key, [...(candles.get(key) ?? []), trade])
    }
    const expected = [...candles]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, of]) => {
        const volume = of.reduce((sum, trade) => sum + trade.volume, 0)
        return expect.objectContaining({
          symbol: key.split(' ')[1],
          window_start: key.split(' ')[0],
          open: of[0]?.price,
          high: Math.max(...of.map(({ price }) => price)),
          low: Math.min(...of.map(({ price }) => price)),
          close: of.at(-1)?.price,
          vwap: close(of.reduce((sum, trade) => sum + trade.price * trade.volume, 0) / volume),
          avg_price: close(of.reduce((sum, { price }) => sum + price, 0) / of.length),
          total_volume: close(volume),
          tick_count: of.length,
        })
      })
    expect(await program.get(`/api/candles?minutes=0&interval=${intervalMs / 1000}`)).toEqual(expected)
  }
  const pipeline = await program.get<{ market: string; counters: Record<string, number> }>('/api/pipeline')
  expect(pipeline).toMatchObject({ market: 'replayed', counters: { dead_letters: 0 } })
  return { late: trades.length - onTime.length, counters: pipeline.counters }
}

describe.each(['the embedded broker', 'Apache Kafka'])('a recording replayed through %s', (broker) => {
  let folder: string
  let kafka: RealKafka | undefined
  let program: StartedProgram | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rivulet-replay-'))
  })

  afterEach(async () => {
    await program?.stop('SIGKILL')
    await kafka?.stop()
    kafka = undefined
    rmSync(folder, { recursive: true, force: true })
  })

  /** The variables of a program, or why it can't be had here. */
  async function environment(): Promise<Record<string, string> | string> {
    if (broker === 'the embedded broker') return { DATA_DIR: folder }
    const started = await startRealKafka()
    if ('unavailable' in started) return `no Apache Kafka here: ${started.unavailable}`
    kafka = started
    return { DATA_DIR: folder, KAFKA_BROKERS: started.brokers.join(',') }
  }

  test.for(Object.entries(recordings))(
    'gives every figure of %s, also after a restart',
    { timeout: 240_000 },
    async ([, file], { skip }) => {
      if (!isThere(file)) return skip(`${file} is not there`)
      const env = await environment()
      if (typeof env === 'string') return skip(env)
      const args = ['--replay', file, '--speed', 'max']
      for (const run of ['first', 'second']) {
        program = await startProgram('crypto', args, env)
        const { late, counters } = await expectEveryFigure(program, tradesOf(file))
        // A restart counts anew, and nothing is late again: everything is already there.
        expect(counters).toMatchObject({ late: run === 'first' ? late : 0, gaps: 0 })
        expect(await program.stop(), `${run} run, exit code`).toBe(0)
      }
    },
  )

  test('interrupted twice, it comes to what it comes to in one go', { timeout: 240_000 }, async ({
    skip,
  }) => {
    const file = recordings.matches
    if (!isThere(file)) return skip(`${file} is not there`)
    const env = await environment()
    if (typeof env === 'string') return skip(env)
    const trades = tradesOf(file)
    for (const share of [0.3, 0.6]) {
      program = await startProgram('crypto', ['--replay', file, '--speed', '20'], env)
      await program.until<{ count: number }>('/api/count', ({ count }) => count >= trades.length * share)
      expect(await program.stop()).toBe(0)
    }
    program = await startProgram('crypto', ['--replay', file, '--speed', 'max'], env)
    await expectEveryFigure(program, trades)
    expect(await program.stop()).toBe(0)
  })
})
