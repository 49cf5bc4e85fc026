import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clickhouse, clickhouseTable } from '../../../src/clickhouse/index.ts'
import type { Chunk } from '../../../src/records/chunk.ts'
import type { SinkBatch, SinkWriter } from '../../../src/stream/sink.ts'
import {
  type SinkContractOptions,
  type SinkUnderTest,
  sinkContract,
} from '../../../src/testing/contracts/sink-contract.ts'
import { startTestClickHouse, type TestClickHouse } from '../../support/clickhouse.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { namesOfRed, testAll } from './checks.ts'

const numbered = (number: number) => ({ key: null, value: number })

/** What is remembered of a partition. */
interface Stored {
  readonly rows: number[]
  nextOffset: number | undefined
}

class Batch implements SinkBatch<null, number> {
  readonly topic: string
  readonly partition: number
  readonly values: number[] = []
  readonly offsets: number[] = []
  nextOffset = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get rows(): number {
    return this.values.length
  }

  get bytes(): number {
    return this.values.length * 8
  }

  append({ values, offsets }: Chunk<null, number>, nextOffset: number): void {
    this.values.push(...values)
    this.offsets.push(...offsets)
    this.nextOffset = nextOffset
  }
}

/** A sink in memory that does all as it should: each test breaks one thing of it. */
class Table implements SinkWriter<null, number> {
  readonly parts: Map<string, Stored>

  constructor(parts: Map<string, Stored>) {
    this.parts = parts
  }

  part(topic: string, partition: number): Stored {
    const name = `${topic}/${partition}`
    const part = this.parts.get(name) ?? { rows: [], nextOffset: undefined }
    this.parts.set(name, part)
    return part
  }

  async resumeOffset(topic: string, partition: number): Promise<number | undefined> {
    return this.part(topic, partition).nextOffset
  }

  begin(topic: string, partition: number): Batch {
    return new Batch(topic, partition)
  }

  async write(batch: Batch): Promise<{ readonly nextOffset: number }> {
    const part = this.part(batch.topic, batch.partition)
    if (batch.rows === 0) return { nextOffset: batch.nextOffset }
    if (part.nextOffset !== undefined && (batch.offsets[0] ?? 0) < part.nextOffset)
      return { nextOffset: part.nextOffset }
    part.rows.push(...batch.values)
    part.nextOffset = batch.nextOffset
    return { nextOffset: batch.nextOffset }
  }

  async close(): Promise<void> {}
}

function contractOf(
  open: (parts: Map<string, Stored>) => SinkWriter<null, number>,
): SinkContractOptions<null, number, unknown> {
  return {
    open() {
      const parts = new Map<string, Stored>()
      const sink = { name: 'table', connection: 'table', open: async () => open(parts) }
      const written = () => [...parts.values()].flatMap(({ rows }) => rows)
      return { sink, connection: undefined, written }
    },
    record: numbered,
  }
}

const broken: Readonly<Record<string, (parts: Map<string, Stored>) => SinkWriter<null, number>>> = {
  'knows no offset to go on from where nothing was written': (parts) =>
    new (class extends Table {
      override resumeOffset = async (topic: string, partition: number) =>
        this.part(topic, partition).nextOffset ?? 0
    })(parts),

  'has each record of a batch once, and answers the end of the batch': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        const { nextOffset } = await super.write(batch)
        return { nextOffset: nextOffset - 1 }
      }
    })(parts),

  'makes one batch of several chunks, and tells how large it is': (parts) =>
    new (class extends Table {
      override begin(topic: string, partition: number) {
        const batch = super.begin(topic, partition)
        Object.defineProperty(batch, 'bytes', { value: 0 })
        return batch
      }
    })(parts),

  'goes on where it was when it is closed and opened again': () => new Table(new Map()),

  'keeps partitions apart': (parts) =>
    new (class extends Table {
      override part = (topic: string) => super.part(topic, 0)
    })(parts),

  'gathers a batch while the one before is written': (parts) =>
    new (class extends Table {
      #only: Batch | undefined
      override begin(topic: string, partition: number) {
        const batch = super.begin(topic, partition)
        // One buffer for all batches.
        if (this.#only) Object.assign(batch, { values: this.#only.values, offsets: this.#only.offsets })
        this.#only = batch
        return batch
      }
      override async write(batch: Batch) {
        await Promise.resolve()
        const answer = await super.write(batch)
        batch.values.length = 0
        batch.offsets.length = 0
        return answer
      }
    })(parts),

  'remembers what was filtered out between its records and behind them': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        batch.nextOffset = (batch.offsets.at(-1) ?? batch.nextOffset - 1) + 1
        return super.write(batch)
      }
    })(parts),

  'takes a batch of which everything was filtered out': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        if (batch.rows === 0) throw new Error('an insert of nothing')
        return super.write(batch)
      }
    })(parts),

  'has a batch once that is written again': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        const part = this.part(batch.topic, batch.partition)
        // Takes what ends where it ended for its own last batch, and adds it again.
        if (part.nextOffset === batch.nextOffset) part.nextOffset = batch.offsets[0]
        return super.write(batch)
      }
    })(parts),

  'goes on within a batch of which a rival was first with the beginning': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        const { nextOffset } = await super.write(batch)
        return { nextOffset: Math.max(nextOffset, batch.nextOffset) }
      }
    })(parts),

  'goes on behind the longer batch of a rival that was first': (parts) =>
    new (class extends Table {
      override async write(batch: Batch) {
        const { nextOffset } = await super.write(batch)
        return { nextOffset: Math.min(nextOffset, batch.nextOffset) }
      }
    })(parts),

  'leaves nothing of a batch that was not written when it is closed': (parts) =>
    new (class extends Table {
      readonly #begun: Batch[] = []
      override begin(topic: string, partition: number) {
        const batch = super.begin(topic, partition)
        this.#begun.push(batch)
        return batch
      }
      override async close() {
        for (const batch of this.#begun) await super.write(batch)
      }
    })(parts),
}

describe('the contract of a sink', () => {
  describe('is kept by one that does all as it should, which', () => {
    testAll(sinkContract(contractOf((parts) => new Table(parts))))
  })

  test('has a broken sink for each of its sentences', () => {
    const names = sinkContract(contractOf((parts) => new Table(parts))).map(({ name }) => name)
    expect(Object.keys(broken)).toEqual(names)
  })

  test.each(Object.entries(broken))('tells of a sink that breaks: "%s"', async (name, open) => {
    expect(await namesOfRed(sinkContract(contractOf(open)))).toContain(name)
  })

  describe('is kept by the sink that other tests have, which', () => {
    testAll(
      sinkContract({
        open() {
          const sink = new MemorySink<null, number>()
          sink.rowBytes = 8
          return { sink, connection: undefined, written: () => sink.values }
        },
        record: numbered,
      }),
    )
  })
})

describe('the sink into ClickHouse', () => {
  let engine: TestClickHouse
  let tables = 0
  beforeAll(async () => {
    engine = await startTestClickHouse()
  })
  afterAll(() => engine.close())

  testAll(
    sinkContract({
      open() {
        tables += 1
        const name = `contract.t${tables}`
        const table = clickhouseTable(name, {
          columns: { number: 'Float64' },
          orderBy: ['number'],
          row: (number: number) => ({ number }),
        })
        const under: SinkUnderTest<null, number, unknown> = {
          sink: clickhouse(table),
          connection: engine.embedded,
          async written() {
            const rows = await engine.embedded.query<{ number: number }>(`SELECT number FROM ${name}`)
            return rows.map(({ number }) => number)
          },
        }
        return under
      },
      record: numbered,
    }),
  )
})
