import { silentLogger } from '../logger.ts'
import type { RawChunk } from '../records/chunk.ts'
import { deadLetterOf } from '../runtime/dead-letter.ts'
import { type BadRecord, FetchedChunk } from '../runtime/input-queue.ts'
import type { InputLayout } from '../runtime/layout.ts'
import type { OutgoingBatch } from '../runtime/outgoing.ts'
import { prepared } from '../runtime/prepared.ts'
import { prepareChunk } from '../serdes/decode-chunk.ts'
import { serdes } from '../serdes/serdes.ts'
import { DriverOutputs, type TopicSerdes } from './driver-outputs.ts'
import { type DriverReader, DriverTasks, type DriverTasksOptions } from './driver-tasks.ts'
import { DriverTopics } from './driver-topics.ts'

export interface DriverLoopOptions extends Omit<DriverTasksOptions, 'effects' | 'waits'> {
  readonly onDecodeError: 'dead-letter' | 'fail'
  /** Something has gone through outside of any call, or has failed for good. */
  readonly answered: (error?: unknown) => void
}

const letterSerdes: TopicSerdes<Buffer, Buffer> = { key: serdes.bytes, value: serdes.bytes }

/** Brings what lies in the topics to the tasks, and what they write into the topics, until there is nothing left to do. */
export class DriverLoop {
  readonly tasks: DriverTasks
  readonly outputs = new DriverOutputs()
  readonly #options: DriverLoopOptions
  readonly #waits: DriverTasksOptions['waits']
  readonly #topics = new DriverTopics()
  #isRunning = false
  /** Serdes fetch what they need for the chunk that comes next. */
  #preparing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(options: DriverLoopOptions) {
    this.#options = options
    this.#waits = {
      context: { settings: options.settings, logger: silentLogger },
      signal: new AbortController().signal, // for ever, as the runtime does
    }
    this.tasks = new DriverTasks({
      ...options,
      waits: this.#waits,
      effects: {
        written: (node, batch) => {
          const chunk = this.append(batch)
          if (node.type === 'topic-sink') this.outputs.addBytes(chunk, node.topic)
        },
        sunk: (node, chunk) => this.outputs.addChunk(node.name, chunk),
        answered: () => {
          this.run()
          options.answered()
        },
        failed: (error) => this.#fail(error),
      },
    })
    const preparing = this.tasks.all.flatMap((task) => task.preparing ?? [])
    if (preparing.length > 0) this.#runBehind(Promise.all(preparing))
  }

  /** Records that wait in a `mapAsync`, or for a serde. */
  get waiting(): number {
    const unread = this.#preparing ? this.#topics.undelivered : 0
    return this.tasks.all.reduce((sum, { waiting }) => sum + waiting, unread)
  }

  append({ topic, partition, records }: OutgoingBatch): RawChunk {
    return this.#topics.append(topic, partition, records)
  }

  /** Throws what a task throws. */
  run(): void {
    if (this.#isRunning || this.#preparing) return // an answer that came at once
    this.#isRunning = true
    try {
      for (let chunk = this.#topics.first; chunk; chunk = this.#topics.first) {
        const readers = this.tasks.readersOf(chunk.topic, chunk.partition)
        const [first] = readers
        const preparing = first && this.#prepared(chunk, first.input)
        if (preparing) {
          this.#runBehind(preparing)
          return
        }
        this.#topics.delivered()
        if (first) this.#deliver(chunk, first, readers)
      }
    } finally {
      this.#isRunning = false
    }
  }

  /** Resolves when nothing waits; rejects with what has failed for good. */
  async settled(): Promise<void> {
    while (this.waiting > 0) {
      await this.#preparing
      await Promise.all(this.tasks.all.map((task) => task.settled()))
    }
    if (this.#failure) throw this.#failure.error
  }

  #deliver(raw: RawChunk, { task, input }: DriverReader, readers: readonly DriverReader[]): void {
    const { settings } = this.#options
    const nextOffset = (raw.offsets.at(-1) ?? -1) + 1
    const fetched = new FetchedChunk(
      { chunk: raw, nextOffset, endOffset: nextOffset },
      input,
      settings.onCallbackError,
    )
    const { chunk, dropped, undecodable } = fetched.readable
    // Of a global table it is left out.
    if (task.part.subTopology.kind !== 'global')
      for (const bad of undecodable) this.#putAway(input, { ...bad, raw })
    for (const reader of readers) reader.task.process(reader.input.node, chunk, dropped)
  }

  #putAway(input: InputLayout, bad: BadRecord): void {
    const { partition } = bad.raw
    const letter = deadLetterOf({ input, partition }, bad, this.#options.onDecodeError)
    const records = {
      keys: [letter.key],
      values: [letter.value],
      timestampsMs: [letter.timestampMs],
      headers: [letter.headers],
    }
    this.outputs.addBytes(this.#topics.append(letter.topic, 0, records), letterSerdes)
  }

  #prepared(chunk: RawChunk, input: InputLayout): Promise<void> | undefined {
    return prepared(() => prepareChunk(chunk, input), { ...this.#waits, topic: chunk.topic })
  }

  #runBehind(preparing: Promise<unknown>): void {
    this.#preparing = preparing
      .then(() => {
        this.#preparing = undefined
        this.run()
        this.#options.answered()
      })
      .catch((error) => {
        this.#preparing = undefined
        this.#fail(error)
      })
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#options.answered(error)
  }
}
