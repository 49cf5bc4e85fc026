import { RivuletError } from '../../src/errors.ts'
import type { Chunk } from '../../src/records/chunk.ts'
import type { Sink, SinkBatch, SinkWriter } from '../../src/stream/sink.ts'

/** What was written in one batch. */
export interface WrittenBatch<V> {
  readonly topic: string
  readonly partition: number
  readonly values: readonly V[]
  readonly offsets: readonly number[]
  readonly nextOffset: number
}

class Batch<K, V> implements SinkBatch<K, V> {
  readonly topic: string
  readonly partition: number
  readonly values: V[] = []
  readonly offsets: number[] = []
  nextOffset = 0
  readonly #rowBytes: number
  readonly #misfits: (value: V) => boolean

  constructor(topic: string, partition: number, { rowBytes, misfits }: MemorySink<K, V>) {
    this.topic = topic
    this.partition = partition
    this.#rowBytes = rowBytes
    this.#misfits = misfits
  }

  get rows(): number {
    return this.values.length
  }

  get bytes(): number {
    return this.rows * this.#rowBytes
  }

  append(chunk: Chunk<K, V>, nextOffset: number): void {
    const misfit = chunk.values.findIndex(this.#misfits)
    if (misfit >= 0) {
      const place = { offset: chunk.offsets[misfit] as number }
      throw new RivuletError('ENCODE_FAILED', `${chunk.values[misfit]} does not fit`, { place })
    }
    this.values.push(...chunk.values)
    this.offsets.push(...chunk.offsets)
    this.nextOffset = nextOffset
  }
}

/** A table in memory, which outlives the program that writes to it. Hold it to make it as slow as a test wants. */
export class MemorySink<K, V> implements Sink<K, V> {
  readonly name = 'memory'
  readonly connection = 'memory'
  readonly batches: WrittenBatch<V>[] = []
  /** What a row is said to take in memory. */
  rowBytes = 0
  /** What can't be encoded. */
  misfits: (value: V) => boolean = () => false
  /** What is refused when it is written. */
  refuses: (value: V) => boolean = () => false
  /** Writes under way. */
  writing = 0
  readonly #resume = new Map<string, number>()
  #gate: Promise<void> = Promise.resolve()
  #release = () => {}

  get values(): V[] {
    return this.batches.flatMap(({ values }) => [...values])
  }

  /** From now on no write ends, until `release`. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  release(): void {
    this.#release()
  }

  /** Another writer comes first. */
  rivalWrites(topic: string, partition: number, nextOffset: number): void {
    this.#resume.set(`${topic}/${partition}`, nextOffset)
  }

  async open(): Promise<SinkWriter<K, V>> {
    return {
      resumeOffset: async (topic, partition) => this.#resume.get(`${topic}/${partition}`),
      begin: (topic, partition) => new Batch<K, V>(topic, partition, this),
      write: async (batch, refuse) => {
        this.writing++
        await this.#gate
        this.writing--
        const { topic, partition, values, offsets, nextOffset } = batch as Batch<K, V>
        const key = `${topic}/${partition}`
        const resume = this.#resume.get(key) ?? 0
        if ((offsets[0] ?? nextOffset) < resume) return { nextOffset: resume }
        const taken = { values: [] as V[], offsets: [] as number[] }
        for (const [i, value] of values.entries()) {
          const offset = offsets[i] as number
          if (this.refuses(value)) {
            await refuse?.(offset, new RivuletError('CLICKHOUSE_REJECTED', `${value} is refused`))
            continue
          }
          taken.values.push(value)
          taken.offsets.push(offset)
        }
        this.batches.push({ topic, partition, ...taken, nextOffset })
        this.#resume.set(key, nextOffset)
        return { nextOffset }
      },
      close: async () => {},
    }
  }
}
