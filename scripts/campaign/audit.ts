import { connectKafka, type Kafka, silentLogger, systemClock } from 'rivulet'
import { startBroker } from 'rivulet/broker'
import { type ClickHouse, connectClickHouse } from 'rivulet/clickhouse'
import { lastValueFrom, toArray } from 'rxjs'
import { type CandleState, candle, minuteCandle } from '../../pipelines/market/candle.ts'
import { candlesTable, type MinuteCandle, type StockTick, ticksTable } from '../../pipelines/market/tables.ts'
import { stockTicks } from '../../pipelines/market/tick.ts'

const minuteMs = 60_000
const graceMs = 5_000
const findingsMax = 20

/** Where a campaign's data lies: a server's address, or the folder of what is embedded. */
export interface AuditPlace {
  readonly kafkaBrokers?: string
  readonly brokerDir?: string
  readonly clickhouseUrl?: string
  readonly clickhouseDir?: string
}

/** What was found. A count that is wrong is explained in `findings`, as far as they fit. */
export interface Audit {
  readonly trades: number
  readonly lastIds: Readonly<Record<string, number>>
  readonly tradesLost: number
  readonly tradesDoubled: number
  readonly rowsLost: number
  readonly rowsDoubled: number
  /** That came when their candle was closed: they are in no candle. */
  readonly tradesLate: number
  readonly candles: number
  readonly candlesLost: number
  readonly candlesDoubled: number
  readonly candlesWrong: number
  readonly findings: readonly string[]
}

/**
 * Reads the topic, the table of trades and that of candles. Each product's ids must rise by one; each must have one row;
 * each minute that stream time has left behind must have one candle, equal to what its trades in the topic come to,
 * of those that were not late.
 */
export async function audit(place: AuditPlace): Promise<Audit> {
  const broker = place.brokerDir === undefined ? undefined : await startBroker({ dataDir: place.brokerDir })
  const brokers = broker?.brokers ?? place.kafkaBrokers?.split(',') ?? []
  const kafka = connectKafka({ brokers, clientId: 'audit', logger: silentLogger })
  const clickhouse = await connectClickHouse({
    url: place.clickhouseUrl,
    path: place.clickhouseDir,
    clock: systemClock,
    logger: silentLogger,
  })
  try {
    return await new Auditor(await ticksOf(kafka)).held(clickhouse)
  } finally {
    await clickhouse.close()
    await kafka.close()
    await broker?.close()
  }
}

type PlacedTick = StockTick & { readonly partition: number; readonly timestampMs: number }

async function ticksOf(kafka: Kafka): Promise<PlacedTick[]> {
  const ticks: PlacedTick[] = []
  for (const { partition, endOffset } of await kafka.admin.offsets(stockTicks.name)) {
    if (endOffset === 0) continue
    const read$ = kafka.read(stockTicks.name, partition, { fromOffset: 0, toOffset: endOffset })
    for (const { chunk } of await lastValueFrom(read$.pipe(toArray()), { defaultValue: [] }))
      for (const [i, bytes] of [...chunk.values].entries())
        if (bytes !== null) {
          const tick = stockTicks.value.deserialize(bytes)
          ticks.push({ ...tick, partition, timestampMs: chunk.timestampsMs[i] ?? 0 })
        }
  }
  return ticks
}

class Auditor {
  readonly #ticks: readonly PlacedTick[]
  readonly #findings: string[] = []
  #tradesLate = 0

  constructor(ticks: readonly PlacedTick[]) {
    this.#ticks = ticks
  }

  async held(clickhouse: ClickHouse): Promise<Audit> {
    const trades = this.#trades()
    const rows = await this.#rows(clickhouse)
    const candles = await this.#candles(clickhouse)
    return { ...trades, ...rows, ...candles, findings: this.#findings.slice(0, findingsMax) }
  }

  #trades() {
    const lastIds: Record<string, number> = {}
    let [tradesLost, tradesDoubled] = [0, 0]
    for (const { symbol, trade_id } of this.#ticks) {
      const expected = (lastIds[symbol] ?? trade_id - 1) + 1
      if (trade_id < expected) {
        tradesDoubled++
        this.#findings.push(`trade ${symbol} ${trade_id} again, behind ${expected - 1}`)
        continue
      }
      if (trade_id > expected) {
        tradesLost += trade_id - expected
        this.#findings.push(`trades ${symbol} ${expected} to ${trade_id - 1} are missing`)
      }
      lastIds[symbol] = trade_id
    }
    return { trades: this.#ticks.length, lastIds, tradesLost, tradesDoubled }
  }

  async #rows(clickhouse: ClickHouse) {
    const sql = `SELECT symbol, trade_id, count() AS times FROM ${clickhouse.tableName(ticksTable.name)} GROUP BY symbol, trade_id`
    const rows = await clickhouse.query<{ symbol: string; trade_id: number; times: number }>(sql)
    const times = new Map(rows.map((row) => [`${row.symbol} ${row.trade_id}`, row.times]))
    const lost = this.#ticks.filter((tick) => !times.has(`${tick.symbol} ${tick.trade_id}`))
    const doubled = [...times].filter(([, count]) => count > 1)
    for (const { symbol, trade_id } of lost) this.#findings.push(`row ${symbol} ${trade_id} is missing`)
    for (const [name, count] of doubled) this.#findings.push(`row ${name} is there ${count} times`)
    return { rowsLost: lost.length, rowsDoubled: doubled.reduce((sum, [, count]) => sum + count - 1, 0) }
  }

  async #candles(clickhouse: ClickHouse) {
    const expected = this.#closedCandles()
    const sql = `SELECT *, toUnixTimestamp64Milli(window_start) AS startMs FROM ${clickhouse.tableName(candlesTable.name)}`
    const rows = await clickhouse.query<MinuteCandle & { symbol: string; startMs: number }>(sql)
    const seen = new Set<string>()
    let [candlesDoubled, candlesWrong] = [0, 0]
    for (const row of rows) {
      const name = `${row.symbol} ${row.startMs}`
      if (seen.has(name)) {
        candlesDoubled++
        this.#findings.push(`candle ${name} again`)
      }
      seen.add(name)
      const wanted = expected.get(name)
      if (wanted && isEqual(wanted, row)) continue
      candlesWrong++
      this.#findings.push(`candle ${name} is ${JSON.stringify(row)}, not ${JSON.stringify(wanted)}`)
    }
    const lost = [...expected.keys()].filter((name) => !seen.has(name))
    for (const name of lost) this.#findings.push(`candle ${name} is missing`)
    return {
      tradesLate: this.#tradesLate,
      candles: rows.length,
      candlesLost: lost.length,
      candlesDoubled,
      candlesWrong,
    }
  }

  /** Of the minutes that their partition's stream time has left behind. */
  #closedCandles(): ReadonlyMap<string, MinuteCandle> {
    const streamTimesMs = new Map<number, number>()
    const states = new Map<string, { state: CandleState; partition: number; endMs: number }>()
    for (const tick of this.#ticks) {
      const { partition, timestampMs, symbol } = tick
      streamTimesMs.set(partition, Math.max(streamTimesMs.get(partition) ?? 0, timestampMs))
      const startMs = timestampMs - (timestampMs % minuteMs)
      const name = `${symbol} ${startMs}`
      const lateMs = (streamTimesMs.get(partition) ?? 0) - (startMs + minuteMs + graceMs)
      if (lateMs >= 0) {
        this.#tradesLate++
        this.#findings.push(`trade ${symbol} ${tick.trade_id} came ${lateMs} ms after its candle was closed`)
        continue
      }
      const before = states.get(name)?.state ?? candle.initializer()
      states.set(name, {
        state: candle.aggregator(before, tick, symbol) ?? before,
        partition,
        endMs: startMs + minuteMs,
      })
    }
    const closed = [...states].filter(
      ([, { partition, endMs }]) => endMs + graceMs <= (streamTimesMs.get(partition) ?? 0),
    )
    return new Map(closed.map(([name, { state }]) => [name, minuteCandle(state)]))
  }
}

function isEqual(a: MinuteCandle, b: MinuteCandle): boolean {
  const fields = ['open', 'close', 'min_price', 'max_price', 'vwap', 'avg_price', 'total_volume'] as const
  return (
    Number(a.tick_count) === Number(b.tick_count) &&
    fields.every((field) => Math.abs(a[field] - b[field]) <= 1e-9 * Math.abs(a[field]))
  )
}

process.stdout.write(`${JSON.stringify(await audit(JSON.parse(process.argv[2] ?? '{}') as AuditPlace))}\n`)
process.exit(0)
