import { type ErrorPlace, messageOf, RivuletError } from '../errors.ts'
import type { Chunk } from '../records/chunk.ts'
import { type RetryPolicy, retry } from '../retry.ts'
import type { Sink, SinkBatch, SinkContext, SinkWriter } from '../stream/sink.ts'
import type { ClickHouse } from './client.ts'
import { FieldWriter } from './field-writer.ts'
import { migrate } from './migrate.ts'
import { quote } from './sql.ts'
import type { ClickHouseTable } from './table.ts'

/** An insert of more may become several parts, and several parts are not atomic (`facts`: about 1.05 M). */
const batchRowsMax = 500_000

/** How patient a sink is. */
export interface ClickHouseSinkOptions {
  /** While ClickHouse is away or refuses for a while; default: for ever, waiting up to 5 s between the tries. */
  readonly retryPolicy?: RetryPolicy
}

/**
 * Writes records into a table, each exactly once, whatever dies in between and however many writers are at it:
 * 1. The table itself says where to go on: `_to + 1` of its last row for the topic's partition.
 * 2. A batch is one insert of one contiguous range of one partition, hence one part: all of it is there, or nothing.
 * 3. Its deduplication token is where it *starts*. Of rival writers that go on from the same place with batches of
 *    different sizes, the first one wins, and ClickHouse drops the others' inserts.
 * 4. So after each insert the last row is read again: if it is not ours, the next batch begins behind the winner's.
 * 5. An insert whose result is unknown is repeated with the same bytes and the same token.
 *
 * @example
 * ```ts
 * stream(clicks).batch({ rowsMax: 10_000, waitMsMax: 1_000 }).to('clicks to ClickHouse', clickhouse(clicksTable))
 * ```
 */
export function clickhouse<K, V>(
  table: ClickHouseTable<K, V>,
  options: ClickHouseSinkOptions = {},
): Sink<K, V, ClickHouse> {
  return {
    name: `clickhouse ${table.name}`,
    connection: 'clickhouse',
    open: async (connection, context) => {
      const { signal, logger } = context
      await patiently(context, connection.tableName(table.name), options, () =>
        migrate(connection, table, logger, { signal }),
      )
      return tableWriter(connection, table, context, options)
    },
  }
}

interface ResumePoint {
  readonly offset: number
  readonly from: number
  readonly to: number
}

function tableWriter<K, V>(
  connection: ClickHouse,
  table: ClickHouseTable<K, V>,
  context: SinkContext,
  options: ClickHouseSinkOptions,
): SinkWriter<K, V> {
  const name = connection.tableName(table.name)
  const columns = table.columns.map((column) => column.name)
  /**
   * The buffer of the last batch that was written, for the next one, which is likely to be as large: megabytes a batch
   * would wait for the garbage collector otherwise.
   */
  let spare: Buffer | undefined

  async function resumePoint(topic: string, partition: number): Promise<ResumePoint | undefined> {
    const [row] = await connection.query<{ last: [number, number, number] }>(
      // Word for word the projection `resume`, or the whole table would be read. No parameters: the embedded engine
      // runs queries with parameters one at a time in the whole process, and this one must not wait for a reader's.
      `SELECT max((_offset, _from, _to)) AS last FROM ${name} WHERE _topic = ${quote(topic)} AND _partition = ${partition} GROUP BY _topic, _partition`,
      {},
      { signal: context.signal, afterInserts: true, place: { table: name, topic, partition } },
    )
    return row && { offset: row.last[0], from: row.last[1], to: row.last[2] }
  }

  async function insertOnce(batch: TableBatch<K, V>): Promise<number> {
    const place = batch.place()
    const { topic, partition, range } = batch
    await connection.insert(
      {
        table: name,
        columns,
        settings: {
          async_insert: 0,
          insert_deduplication_token: `${table.name}/${topic}/${partition}/${range.from}`,
        },
      },
      batch.text(),
      { signal: context.signal, place },
    )
    const last = await resumePoint(topic, partition)
    if (last === undefined || last.to < range.from) {
      throw new RivuletError(
        'CLICKHOUSE_FAILED',
        `ClickHouse took the rows of ${name}, but they are not there: were rows deleted, or is a part broken? Dropped, the table is made anew and filled from the topic`,
        {
          // A replica may lag behind the one that took them; one server alone has no excuse.
          retryable: connection.cluster !== undefined,
          place,
        },
      )
    }
    if (last.offset === range.offset && last.from === range.from && last.to === range.to)
      return batch.nextOffset
    context.logger.warn(
      { table: name, topic, partition, ours: range, last },
      'another writer was first: going on behind it',
    )
    return last.to + 1
  }

  return {
    resumeOffset: async (topic, partition) => {
      const last = await patiently(context, name, options, () => resumePoint(topic, partition))
      return last && last.to + 1
    },
    begin: (topic, partition) => {
      const batch = new TableBatch(table, name, { topic, partition, buffer: spare })
      spare = undefined
      return batch
    },
    write: async (batch) => {
      if (!(batch instanceof TableBatch))
        throw new RivuletError('INTERNAL', `${name} was given a batch that is not its own`)
      // Records may all have been filtered out: then there is nothing to remember, and they will be filtered out again.
      if (batch.rows === 0) return { nextOffset: batch.nextOffset }
      const nextOffset = await patiently(context, name, options, () => insertOnce(batch))
      spare = batch.release()
      return { nextOffset }
    },
    close: async () => {},
  }
}

const NEWLINE = 0x0a

/** Rows as bytes, ready to be sent. Only `_to` is filled in when the batch's end is known. */
class TableBatch<K, V> implements SinkBatch<K, V> {
  readonly topic: string
  readonly partition: number
  readonly #table: ClickHouseTable<K, V>
  readonly #name: string
  readonly #text: FieldWriter
  #rows = 0
  /** What all rows have behind `_offset`: the other fields of `placeColumns`, with room for `_to`. */
  #rowTail: Buffer | undefined
  #firstOffset = -1
  #lastOffset = -1
  #nextOffset = 0
  #sent: Buffer | undefined
  #tries = 0
  #isReleased = false

  constructor(
    table: ClickHouseTable<K, V>,
    name: string,
    { topic, partition, buffer }: { topic: string; partition: number; buffer: Buffer | undefined },
  ) {
    this.#table = table
    this.#name = name
    this.topic = topic
    this.partition = partition
    this.#text = new FieldWriter(buffer)
  }

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#text.length
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  /** `from` is the first row's offset: rivals agree on it even where one has already skipped what was filtered out. */
  get range(): ResumePoint {
    return { from: this.#firstOffset, offset: this.#lastOffset, to: this.#nextOffset - 1 }
  }

  place(): ErrorPlace {
    const { topic, partition, rows } = this
    return { table: this.#name, rows, topic, partition, offset: this.#firstOffset }
  }

  /** All or nothing: when a record can't be encoded, the batch is as it was before the chunk. */
  append(chunk: Chunk<K, V>, nextOffset: number): void {
    if (this.#sent)
      throw new RivuletError('INTERNAL', `A batch of ${this.#name} was appended to after it was sent`)
    const before = { rows: this.rows, bytes: this.bytes, first: this.#firstOffset, last: this.#lastOffset }
    try {
      this.#appendRows(chunk, nextOffset)
      this.#nextOffset = nextOffset
    } catch (error) {
      this.#rows = before.rows
      this.#text.cut(before.bytes)
      this.#firstOffset = before.first
      this.#lastOffset = before.last
      throw error
    }
  }

  #appendRows({ keys, values, timestampsMs, offsets }: Chunk<K, V>, nextOffset: number): void {
    const text = this.#text
    for (let i = 0; i < keys.length; i++) {
      // A record made by the pipeline itself (a window that closed) has no offset: it belongs to the last one read.
      const own = offsets[i] as number
      const offset = own < 0 ? nextOffset - 1 : own
      if (!this.#encode(values[i] as V, keys[i] as K, timestampsMs[i] as number, offset)) continue
      if (this.#rows === 0) {
        this.#firstOffset = offset
        this.#rowTail = rowTail(this.topic, this.partition, offset)
      }
      this.#lastOffset = Math.max(this.#lastOffset, offset)
      text.integer(offset)
      text.raw(this.#rowTail as Buffer)
      this.#rows++
    }
    if (this.#rows > batchRowsMax) {
      const { topic, partition } = this
      throw new RivuletError(
        'BUFFER_FULL',
        `A batch of ${this.#name} is limited to ${batchRowsMax} rows, for one insert to be atomic`,
        { place: { table: this.#name, rows: this.#rows, topic, partition } },
      )
    }
  }

  /** The same bytes each time: a repeated insert must be the same. */
  text(): Buffer {
    if (this.#isReleased) throw new RivuletError('INTERNAL', `A batch of ${this.#name} was written twice`)
    this.#tries++
    this.#sent ??= fillIn(this.#text.bytes, this.#rows, this.range)
    return this.#sent
  }

  /**
   * Gives its buffer away, once ClickHouse has all of it; undefined where it is not worth keeping, or where an earlier
   * try, which was given up at its deadline, may still be reading in it.
   */
  release(): Buffer | undefined {
    this.#isReleased = true
    const { buffer, length } = this.#text
    return this.#tries === 1 && length > buffer.length / 2 ? buffer : undefined
  }

  #encode(value: V, key: K, timestampMs: number, offset: number): boolean {
    try {
      return this.#table.encode(value, key, timestampMs, this.#text)
    } catch (cause) {
      const { topic, partition } = this
      const code = cause instanceof RivuletError ? cause.code : 'CALLBACK_FAILED'
      throw new RivuletError(
        code,
        `${topic}/${partition} at ${offset} makes no row of ${this.#name}: ${messageOf(cause)}`,
        {
          cause,
          place: { table: this.#name, topic, partition, offset },
        },
      )
    }
  }
}

/** Most often `_to` has as many digits as `_from`: then there is room for it. */
function rowTail(topic: string, partition: number, from: number): Buffer {
  return Buffer.from(`\t${topic}\t${partition}\t${from}\t${from}\n`)
}

/** Writes `_to` at the end of each row: in place, where there is room for its digits. */
function fillIn(text: Buffer, rows: number, { from, to }: ResumePoint): Buffer {
  const digits = Buffer.from(`${to}\n`)
  const room = `${from}\n`.length
  const grown = (digits.length - room) * rows
  const filled = grown === 0 ? text : Buffer.allocUnsafeSlow(text.length + grown)
  let at = 0
  for (let rowStart = 0; rowStart < text.length; ) {
    // Within a field a line's end is escaped.
    const rowEnd = text.indexOf(NEWLINE, rowStart) + 1
    const toStart = rowEnd - room
    at = grown === 0 ? toStart : at + text.copy(filled, at, rowStart, toStart)
    for (let i = 0; i < digits.length; i++) filled[at++] = digits[i] as number
    rowStart = rowEnd
  }
  return filled
}

/** A first failure is routine. What fails longer is said, and said again at each doubling. */
const saidFromAttempt = 2

/** Repeats what failed for a while, until it succeeds or the program stops; tells an operator of it, and when it is over. */
async function patiently<T>(
  { clock, logger, signal }: SinkContext,
  table: string,
  { retryPolicy = { initialMs: 100, waitMsMax: 5_000 } }: ClickHouseSinkOptions,
  work: () => Promise<T>,
): Promise<T> {
  const startedMs = clock.now()
  let saidAttempt = 0
  const result = await retry(work, {
    clock,
    signal,
    policy: retryPolicy,
    onRetry: (error, attempt, waitMs) => {
      if (attempt < Math.max(saidFromAttempt, saidAttempt * 2)) return
      saidAttempt = attempt
      logger.warn({ table, attempt, waitMs: Math.round(waitMs) }, `${messageOf(error)}; trying again`)
    },
  })
  if (saidAttempt > 0)
    logger.info({ table, afterMs: Math.round(clock.now() - startedMs) }, 'ClickHouse answers again')
  return result
}
