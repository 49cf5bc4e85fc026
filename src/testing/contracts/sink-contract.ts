import { systemClock } from '../../clock.ts'
import { silentLogger } from '../../logger.ts'
import { chunkOf } from '../../records/chunk.ts'
import type { Sink, SinkBatch, SinkWriter } from '../../stream/sink.ts'
import { type ContractCheck, expectSame } from './contract-check.ts'

/** A sink, and what it writes into. */
export interface SinkUnderTest<K, V, Connection> {
  /** What is held to the contract. */
  readonly sink: Sink<K, V, Connection>
  /** What `open` is given. */
  readonly connection: Connection
  /** The numbers of the records that are there, in any order; one that is there twice, twice. */
  written(): readonly number[] | Promise<readonly number[]>
  /** When the check is over. */
  close?(): Promise<void>
}

/** How a check comes by a sink, and by records for it. */
export interface SinkContractOptions<K, V, Connection> {
  /** Something empty to write into, anew for each check. */
  open(): SinkUnderTest<K, V, Connection> | Promise<SinkUnderTest<K, V, Connection>>
  /** A record that tells its number: `written` finds it again. */
  record(number: number): { readonly key: K; readonly value: V }
}

type Writer = SinkWriter<unknown, unknown>

interface BatchSpec {
  /** Default 0. */
  readonly partition?: number
  /** Default: behind the last record. */
  readonly nextOffset?: number
}

const topic = 'contract'
/** A record's number is its offset, and so much more for each partition before its own. */
const partitionNumbers = 1_000

/**
 * What the runtime relies on in a sink, so that each record is there once: the sentences of `SinkWriter`, each as a check
 * on something empty. What only a fault can show, that a batch is all there or not at all when the system dies in the
 * middle, is for tests of your own.
 *
 * @example
 * ```ts
 * const checks = sinkContract({
 *   open: async () => ({ sink: files('numbers'), connection: await newFolder(), written: readNumbers }),
 *   record: (number) => ({ key: null, value: { number } }),
 * })
 * for (const { name, run } of checks) test(name, run)
 * ```
 */
export function sinkContract<K, V, Connection>(
  options: SinkContractOptions<K, V, Connection>,
): ContractCheck[] {
  return Object.entries(sentences).map(([name, check]) => ({
    name,
    async run() {
      const under = await options.open()
      try {
        await check(new SinkTrial(under, (number) => options.record(number)))
      } finally {
        await under.close?.()
      }
    },
  }))
}

/** A sink that is given records by their offsets. */
class SinkTrial {
  readonly #under: SinkUnderTest<unknown, unknown, unknown>
  readonly #record: (number: number) => { readonly key: unknown; readonly value: unknown }

  constructor(
    under: SinkUnderTest<unknown, unknown, unknown>,
    record: (number: number) => { readonly key: unknown; readonly value: unknown },
  ) {
    this.#under = under
    this.#record = record
  }

  /** A writer of its own each time, as of another program. */
  open(): Promise<Writer> {
    const { sink, connection } = this.#under
    const signal = new AbortController().signal
    return sink.open(connection, { clock: systemClock, logger: silentLogger, signal })
  }

  begin(writer: Writer, partition = 0): SinkBatch<unknown, unknown> {
    return writer.begin(topic, partition)
  }

  append(
    batch: SinkBatch<unknown, unknown>,
    offsets: readonly number[],
    nextOffset = (offsets.at(-1) ?? -1) + 1,
  ): void {
    const { partition } = batch
    const records = offsets.map((offset) => {
      const number = partition * partitionNumbers + offset
      return { ...this.#record(number), timestampMs: number, offset }
    })
    batch.append(chunkOf(records, { topic, partition }), nextOffset)
  }

  /** Writes a batch of these records, and answers where to go on. */
  async write(
    writer: Writer,
    offsets: readonly number[],
    { partition = 0, nextOffset }: BatchSpec = {},
  ): Promise<number> {
    const batch = this.begin(writer, partition)
    this.append(batch, offsets, nextOffset)
    return (await writer.write(batch)).nextOffset
  }

  resumeOffset(writer: Writer, partition = 0): Promise<number | undefined> {
    return writer.resumeOffset(topic, partition)
  }

  async expectWritten(numbers: readonly number[]): Promise<void> {
    const written = await this.#under.written()
    expectSame(
      'the records that are there',
      written.toSorted((a, b) => a - b),
      numbers,
    )
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

const sentences: Readonly<Record<string, (trial: SinkTrial) => Promise<void>>> = {
  async 'knows no offset to go on from where nothing was written'(trial) {
    const writer = await trial.open()
    expectSame('resumeOffset()', await trial.resumeOffset(writer), undefined)
    await writer.close()
  },

  async 'has each record of a batch once, and answers the end of the batch'(trial) {
    const writer = await trial.open()
    expectSame('nextOffset', await trial.write(writer, range(0, 10)), 10)
    expectSame('nextOffset', await trial.write(writer, range(10, 15)), 15)
    await trial.expectWritten(range(0, 15))
    await writer.close()
  },

  async 'makes one batch of several chunks, and tells how large it is'(trial) {
    const writer = await trial.open()
    const batch = trial.begin(writer)
    expectSame('rows of an empty batch', batch.rows, 0)
    trial.append(batch, range(0, 4))
    const { bytes } = batch
    trial.append(batch, range(4, 10))
    expectSame('rows', batch.rows, 10)
    expectSame('that bytes grow with the rows', bytes > 0 && batch.bytes > bytes, true)
    expectSame('nextOffset', (await writer.write(batch)).nextOffset, 10)
    await trial.expectWritten(range(0, 10))
    await writer.close()
  },

  async 'goes on where it was when it is closed and opened again'(trial) {
    const before = await trial.open()
    await trial.write(before, range(0, 10))
    await before.close()
    const writer = await trial.open()
    expectSame('resumeOffset()', await trial.resumeOffset(writer), 10)
    expectSame('nextOffset', await trial.write(writer, range(10, 20)), 20)
    expectSame('resumeOffset()', await trial.resumeOffset(writer), 20)
    await trial.expectWritten(range(0, 20))
    await writer.close()
  },

  async 'keeps partitions apart'(trial) {
    const writer = await trial.open()
    await trial.write(writer, range(0, 5))
    expectSame('resumeOffset() of another one', await trial.resumeOffset(writer, 1), undefined)
    expectSame('nextOffset', await trial.write(writer, range(0, 3), { partition: 1 }), 3)
    expectSame('resumeOffset()', await trial.resumeOffset(writer, 0), 5)
    await trial.expectWritten([...range(0, 5), ...range(partitionNumbers, partitionNumbers + 3)])
    await writer.close()
  },

  async 'gathers a batch while the one before is written'(trial) {
    const writer = await trial.open()
    const first = trial.begin(writer)
    trial.append(first, range(0, 5))
    const writing = writer.write(first)
    const second = trial.begin(writer)
    trial.append(second, range(5, 8))
    expectSame('nextOffset', (await writing).nextOffset, 5)
    await trial.expectWritten(range(0, 5))
    expectSame('nextOffset', (await writer.write(second)).nextOffset, 8)
    await trial.expectWritten(range(0, 8))
    await writer.close()
  },

  async 'remembers what was filtered out between its records and behind them'(trial) {
    const writer = await trial.open()
    expectSame('nextOffset', await trial.write(writer, [2, 3, 7], { nextOffset: 12 }), 12)
    await writer.close()
    const again = await trial.open()
    expectSame('resumeOffset()', await trial.resumeOffset(again), 12)
    await trial.expectWritten([2, 3, 7])
    await again.close()
  },

  async 'takes a batch of which everything was filtered out'(trial) {
    const writer = await trial.open()
    expectSame('nextOffset', await trial.write(writer, [], { nextOffset: 5 }), 5)
    await trial.expectWritten([])
    const resumed = await trial.resumeOffset(writer)
    // Nothing has to be remembered: they would be filtered out again.
    expectSame('that resumeOffset() is 5 or undefined', resumed === 5 || resumed === undefined, true)
    expectSame('nextOffset', await trial.write(writer, range(5, 8)), 8)
    await trial.expectWritten(range(5, 8))
    await writer.close()
  },

  async 'has a batch once that is written again'(trial) {
    const writer = await trial.open()
    const again = await trial.open()
    await trial.write(writer, range(0, 10))
    expectSame('nextOffset', await trial.write(again, range(0, 10)), 10)
    await trial.expectWritten(range(0, 10))
    await Promise.all([writer.close(), again.close()])
  },

  async 'goes on within a batch of which a rival was first with the beginning'(trial) {
    const writer = await trial.open()
    const rival = await trial.open()
    await trial.write(rival, range(0, 4))
    expectSame('nextOffset', await trial.write(writer, range(0, 10)), 4)
    expectSame('nextOffset', await trial.write(writer, range(4, 10)), 10)
    await trial.expectWritten(range(0, 10))
    await Promise.all([writer.close(), rival.close()])
  },

  async 'goes on behind the longer batch of a rival that was first'(trial) {
    const writer = await trial.open()
    const rival = await trial.open()
    await trial.write(rival, range(0, 15))
    expectSame('nextOffset', await trial.write(writer, range(0, 10)), 15)
    expectSame('nextOffset', await trial.write(writer, range(15, 20)), 20)
    await trial.expectWritten(range(0, 20))
    await Promise.all([writer.close(), rival.close()])
  },

  async 'leaves nothing of a batch that was not written when it is closed'(trial) {
    const writer = await trial.open()
    trial.append(trial.begin(writer), range(0, 10))
    await writer.close()
    await trial.expectWritten([])
    const again = await trial.open()
    expectSame('resumeOffset()', await trial.resumeOffset(again), undefined)
    await again.close()
  },
}
