import { RivuletError } from '../errors.ts'
import type { Refuse, SinkBatch, SinkContext, SinkWriter } from '../stream/sink.ts'
import { type BatchPart, halvesOf, type PlaceRange } from './batch-part.ts'
import type { ClickHouse, InsertTarget } from './client.ts'
import { isRefusedRow } from './errors.ts'
import { latestSettings, type QuerySettings } from './insert-settings.ts'
import type { Patiently } from './patiently.ts'
import { quote } from './sql.ts'
import { type ClickHouseTable, insertedColumns } from './table.ts'
import { TableBatch } from './table-batch.ts'

/** A table forgets a token after 10,000 other inserts: no table takes so many in this time. */
const freshMs = 30_000
/** Each loss takes a token of its own, and a server is killed between token and part once in a long while. */
const lossesMax = 5

export interface TableWriterOptions<K, V> {
  readonly connection: ClickHouse
  readonly table: ClickHouseTable<K, V>
  /** Whether what one server has taken, another one may not have yet. */
  readonly replicated: boolean
  readonly insertSettings: QuerySettings
  readonly context: SinkContext
  readonly patiently: Patiently
}

/** The last row of a topic's partition that was seen in the table, and since when no later one need be known. */
interface Known {
  readonly last: PlaceRange | undefined
  readonly asOfMs: number
}

/** Writes batches as the protocol of `clickhouse()` says. */
export class TableWriter<K, V> implements SinkWriter<K, V> {
  readonly #options: TableWriterOptions<K, V>
  readonly #name: string
  readonly #columns: InsertTarget['columns']
  /** By topic and partition. */
  readonly #known = new Map<string, Known>()
  /**
   * The buffer of the last batch that was written, for the next one, which is likely to be as large: megabytes a batch
   * would wait for the garbage collector otherwise.
   */
  #spare: Buffer | undefined

  constructor(options: TableWriterOptions<K, V>) {
    this.#options = options
    this.#name = options.connection.tableName(options.table.name)
    this.#columns = insertedColumns(options.table)
  }

  async resumeOffset(topic: string, partition: number): Promise<number | undefined> {
    const { last } = await this.#options.patiently(() => this.#look(topic, partition))
    return last && last.to + 1
  }

  begin(topic: string, partition: number): TableBatch<K, V> {
    const batch = new TableBatch(this.#options.table, this.#name, { topic, partition, buffer: this.#spare })
    this.#spare = undefined
    return batch
  }

  async write(batch: SinkBatch<K, V>, refuse?: Refuse): Promise<{ readonly nextOffset: number }> {
    if (!(batch instanceof TableBatch))
      throw new RivuletError('INTERNAL', `${this.#name} was given a batch that is not its own`)
    // Records may all have been filtered out: then there is nothing to remember, and they will be filtered out again.
    if (batch.rows === 0) return { nextOffset: batch.nextOffset }
    const nextOffset = await this.#write(batch.whole(), refuse)
    this.#spare = batch.release()
    return { nextOffset }
  }

  async close(): Promise<void> {}

  /**
   * Writes it, or, where ClickHouse refuses a row, its halves, one behind the other, down to the record at fault. Each half
   * is a range of its own, so that whoever comes next goes on behind what is there; a refused record is passed over by the
   * range behind it.
   */
  async #write(part: BatchPart, refuse: Refuse | undefined): Promise<number> {
    try {
      return await this.#options.patiently(() => this.#insert(part))
    } catch (error) {
      if (!refuse || !isRefusedRow(error)) throw error
      const behind = part.range.to + 1
      const halves = halvesOf(part)
      if (!halves) await refuse(part.range.from, error)
      for (const half of halves ?? []) {
        const nextOffset = await this.#write(half, refuse)
        // A rival has written, and may have come anywhere.
        if (nextOffset !== half.range.to + 1) return nextOffset
      }
      return behind
    }
  }

  /** One try. Answers where to go on. */
  async #insert(part: BatchPart): Promise<number> {
    const { connection, insertSettings, context } = this.#options
    const { topic, partition, range, rows } = part
    const { last: before } = await this.#freshly(part)
    if (before && before.to >= range.from) return this.#nextBehind(part, before)
    part.tries++
    const settings = { ...insertSettings, insert_deduplication_token: this.#token(part, before) }
    const target = { table: this.#name, columns: this.#columns, settings }
    await connection.insert(target, rows, { signal: context.signal, place: this.#placeOf(part) })
    const { last } = await this.#look(topic, partition)
    if (!last || last.to < range.from) throw this.#lost(part)
    return this.#nextBehind(part, last)
  }

  /** As it was read last, if that is not long ago; else as it is read now. */
  async #freshly({ topic, partition }: BatchPart): Promise<Known> {
    const { clock } = this.#options.context
    let known = this.#known.get(laneOf(topic, partition))
    // A process may be frozen between a question and its answer, and a clock may be set back.
    while (!known || Math.abs(clock.now() - known.asOfMs) > freshMs)
      known = await this.#look(topic, partition)
    return known
  }

  async #look(topic: string, partition: number): Promise<Known> {
    const { connection, context } = this.#options
    const asOfMs = context.clock.now()
    const [row] = await connection.query<{ found: number; last: [number, number, number] }>(
      // Within, word for word the projection `resume`, or the whole table would be read; around it, what always answers
      // with a row. No parameters: the embedded engine runs queries with parameters one at a time in the whole process,
      // and this one must not wait for a reader's.
      `SELECT count() AS found, max(last) AS last FROM (SELECT max((_offset, _from, _to)) AS last FROM ${this.#name} WHERE _topic = ${quote(topic)} AND _partition = ${partition} GROUP BY _topic, _partition)`,
      {},
      {
        signal: context.signal,
        afterInserts: true,
        settings: latestSettings(connection),
        place: { table: this.#name, topic, partition },
      },
    )
    if (typeof row?.found !== 'number' || !Array.isArray(row.last)) {
      const message = `What answers in ClickHouse's place knows nothing of ${this.#name}`
      throw new RivuletError('CLICKHOUSE_FAILED', message, { retryable: true })
    }
    const lane = laneOf(topic, partition)
    const [offset, from, to] = row.last
    const seen = this.#known.get(lane)?.last
    // A replica may be behind the one that was asked before.
    const last = row.found === 0 || (seen && seen.to > to) ? seen : { offset, from, to }
    const known = { last, asOfMs }
    this.#known.set(lane, known)
    return known
  }

  /**
   * Of all who would go on from the same row, whatever their batches hold, the first one wins. A token whose rows are not
   * there is used up: the server was killed when it had noted it. So the next try takes another one, as every rival does.
   */
  #token({ topic, partition, losses }: BatchPart, before: PlaceRange | undefined): string {
    const token = `${this.#options.table.name}/${topic}/${partition}/${before ? before.to + 1 : 0}`
    return losses === 0 || this.#options.replicated ? token : `${token}/${losses}`
  }

  #nextBehind({ topic, partition, range }: BatchPart, last: PlaceRange): number {
    if (last.offset !== range.offset || last.from !== range.from || last.to !== range.to) {
      this.#options.context.logger.warn(
        { table: this.#name, topic, partition, ours: range, last },
        'another writer was first: going on behind it',
      )
    }
    return last.to + 1
  }

  #lost(part: BatchPart): RivuletError {
    part.losses++
    const { replicated } = this.#options
    const message = replicated
      ? `ClickHouse took rows of ${this.#name} that are not there yet: a replica lags behind`
      : `ClickHouse took the same rows of ${this.#name} ${part.losses} times, but they are not there: does something else answer in its place, or does anybody delete them? They are in the topic still`
    return new RivuletError('CLICKHOUSE_FAILED', message, {
      retryable: replicated || part.losses < lossesMax,
      place: this.#placeOf(part),
    })
  }

  #placeOf({ topic, partition, rows, range }: BatchPart) {
    return { table: this.#name, rows: rows.starts.length, topic, partition, offset: range.from }
  }
}

function laneOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
