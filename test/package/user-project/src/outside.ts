import { appendFile } from 'node:fs/promises'
import {
  type Chunk,
  isRetryable,
  type Sink,
  type SinkBatch,
  type SourceContext,
  serdes,
  topology,
} from 'rivulet'
import { clickhouse, clickhouseTable } from 'rivulet/clickhouse'
import { interval, map, type Observable } from 'rxjs'
import { amounts } from './topology.ts'

export function ticks({ setState, clock }: SourceContext): Observable<number> {
  setState('live')
  return interval(1_000).pipe(map((n) => n + clock.now()))
}

export const ticksTable = clickhouseTable('test.ticks', {
  columns: { id: 'LowCardinality(String)', amount: { type: 'Float64', codec: 'ZSTD(1)' } },
  orderBy: ['id'],
  row: (amount: number, id: string) => ({ id, amount }),
})
export const ticksSink = clickhouse(ticksTable)

class Lines<K, V> implements SinkBatch<K, V> {
  rows = 0
  bytes = 0
  text = ''
  nextOffset = 0

  readonly topic: string
  readonly partition: number

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  append({ values }: Chunk<K, V>, nextOffset: number): void {
    this.text += values.map((value) => `${value}\n`).join('')
    this.rows += values.length
    this.bytes = this.text.length
    this.nextOffset = nextOffset
  }
}

/** A line for each record, again after a restart. */
export function linesOf<K, V>(path: string): Sink<K, V> {
  return {
    name: `lines of ${path}`,
    connection: 'files',
    open: async () => ({
      resumeOffset: async () => undefined,
      begin: (topic, partition) => new Lines<K, V>(topic, partition),
      write: async ({ text, nextOffset }: Lines<K, V>) => {
        await appendFile(path, text)
        return { nextOffset }
      },
      close: async () => {},
    }),
  }
}

export const retried = (error: unknown) => isRetryable(error)

export const app = topology('outside', ({ source, stream }) => {
  source('ticks', ticks, { key: () => 'tick' }).to(amounts)
  stream(amounts).batch({ rowsMax: 10, waitMsMax: 100 }).to('to ClickHouse', ticksSink)
  stream(amounts).mapValues(String).batch({ rowsMax: 10, waitMsMax: 100 }).to('to a file', linesOf('out'))
  stream(amounts).mapValues((amount) => serdes.double.serialize(amount).length)
})
