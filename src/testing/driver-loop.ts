import { RivuletError } from '../errors.ts'
import { silentLogger } from '../logger.ts'
import type { RawChunk } from '../records/chunk.ts'
import { type DeadLetterRecord, deadLetterOf } from '../runtime/dead-letter.ts'
import type { RecordSerdes } from '../runtime/destination.ts'
import type { Failure, UnwrittenRecord } from '../runtime/failed-record.ts'
import { type BadRecord, FetchedChunk } from '../runtime/input-queue.ts'
import type { InputLayout } from '../runtime/layout.ts'
import { OutgoingColumns } from '../runtime/outgoing-columns.ts'
import { type PreparedOptions, prepared } from '../runtime/prepared.ts'
import { refusedAt, shownLetterOf } from '../runtime/refused-letter.ts'
import { sourceChunk } from '../runtime/source-chunk.ts'
import { timeChunk } from '../runtime/timed-chunk.ts'
import { prepareChunk } from '../serdes/decode-chunk.ts'
import { serdes } from '../serdes/serdes.ts'
import { DriverOutputs } from './driver-outputs.ts'
import type { TaskEffects } from './driver-task.ts'
import { DriverTasks, type DriverTasksOptions } from './driver-tasks.ts'
import { DriverTopics } from './driver-topics.ts'
import { DriverWriter, type Parcel, type Piped } from './driver-writer.ts'

export interface DriverLoopOptions extends Omit<DriverTasksOptions, 'effects' | 'waits'> {
  readonly onDecodeError: 'dead-letter' | 'fail'
  /** Told of what would be written to changelogs. */
  readonly changed?: NonNullable<TaskEffects['changed']>
  /** Something has gone through outside of any call, or has failed for good. */
  readonly answered: (error?: unknown) => void
}

/** What is to be done next: records to be written into topics, or to be delivered from one. */
type Work = Parcel | RawChunk

const letterSerdes: RecordSerdes<Buffer, Buffer> = { key: serdes.bytes, value: serdes.bytes }

/** Brings what lies in the topics to the tasks, and what they write into the topics, until there is nothing left to do. */
export class DriverLoop {
  readonly tasks: DriverTasks
  readonly outputs = new DriverOutputs()
  readonly #options: DriverLoopOptions
  readonly #waits: Omit<PreparedOptions, 'topic'>
  readonly #writer: DriverWriter
  readonly #topics = new DriverTopics()
  /** In order. */
  readonly #work: Work[] = []
  #isRunning = false
  /** Serdes fetch what they need for what comes next. */
  #preparing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(options: DriverLoopOptions) {
    this.#options = options
    this.#waits = {
      context: { settings: options.settings, logger: silentLogger },
      signal: new AbortController().signal, // for ever, as the runtime does
    }
    this.#writer = new DriverWriter(options.layout, (error, record) => this.#unwritten(error, record))
    this.tasks = new DriverTasks({
      ...options,
      waits: this.#waits,
      effects: {
        written: (node, chunk) => this.#work.push(this.#writer.ofStep(node, chunk)),
        ...(options.changed && { changed: options.changed }),
        sunk: (node, chunk) => this.outputs.addChunk(node.name, chunk),
        answered: () => {
          this.run()
          options.answered()
        },
        failed: (error) => this.#fail(error),
      },
    })
    for (const { task } of this.tasks.all) task.letters$.subscribe((failure) => this.#failedRecord(failure))
    const preparing = this.tasks.all.flatMap((task) => task.preparing ?? [])
    if (preparing.length > 0) this.#runBehind(Promise.all(preparing))
  }

  /** Records that wait in a `mapAsync`, or for a serde. */
  get waiting(): number {
    const behind = this.#preparing ? this.#work : []
    const inCalls = this.tasks.all.reduce((sum, { waiting }) => sum + waiting, 0)
    return behind.reduce((sum, work) => sum + recordsIn(work), inCalls)
  }

  /** Throws what a task throws. */
  pipe(piped: Piped): void {
    this.#work.push(this.#writer.ofTest(piped))
    this.run()
  }

  /** Lets a source of the topology emit, one value after the other. Throws what a task throws. */
  emit(source: string, values: readonly unknown[]): void {
    for (const task of this.tasks.all) {
      const { subTopology } = task.part
      if (subTopology.kind !== 'source' || subTopology.source.name !== source) continue
      for (const value of values) {
        const emitted = sourceChunk(subTopology.source, [value], this.#options.now())
        const { onCallbackError } = this.#options.settings
        const { chunk, dropped } = timeChunk(subTopology.source, emitted, onCallbackError)
        task.process(subTopology.source, chunk, dropped)
        this.run()
      }
      return
    }
    throw new RivuletError('BAD_TOPOLOGY', `no source of this topology is named "${source}"`, {
      place: { step: source },
    })
  }

  /** Throws what a task throws. */
  run(): void {
    if (this.#isRunning || this.#preparing) return // an answer that came at once
    this.#isRunning = true
    try {
      for (let work = this.#work[0]; work; work = this.#work[0]) {
        const preparing = 'write' in work ? this.#writable(work) : this.#readable(work)
        if (preparing) {
          this.#runBehind(preparing)
          return
        }
        this.#work.shift()
        if ('write' in work) this.#write(work)
        else this.#deliver(work)
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

  #write({ serdes: writer, write }: Parcel): void {
    const filled: OutgoingColumns[] = []
    try {
      write(filled)
    } catch (error) {
      for (const columns of filled) columns.take()
      throw error
    }
    for (const columns of filled) {
      const written = this.#topics.append(columns)
      if (writer) this.outputs.addBytes(written, writer)
      this.#work.push(written)
    }
  }

  #deliver(raw: RawChunk): void {
    const readers = this.tasks.readersOf(raw.topic, raw.partition)
    const [first] = readers
    if (!first) return
    const { input, task } = first
    const nextOffset = (raw.offsets.at(-1) ?? -1) + 1
    const fetched = { chunk: raw, nextOffset, endOffset: nextOffset }
    const { onCallbackError } = this.#options.settings
    const { chunk, dropped, undecodable } = new FetchedChunk(fetched, input, onCallbackError).readable
    // Of a global table it is left out.
    if (task.part.subTopology.kind !== 'global')
      for (const bad of undecodable) this.#putAway(input, { ...bad, raw })
    for (const reader of readers) reader.task.process(reader.input.node, chunk, dropped)
  }

  #putAway(input: InputLayout, bad: BadRecord): void {
    const { partition } = bad.raw
    const letter = deadLetterOf({ input, partition }, bad, this.#options.onDecodeError)
    this.#addLetter(letter)
  }

  /** A step has failed at a record that came of the input record there. */
  #failedRecord({ error, record }: Failure): void {
    const raw = record.offset < 0 ? undefined : this.#topics.chunkAt(record, record.offset)
    this.#addLetter(raw ? refusedAt(raw, record, error) : shownLetterOf({ error, record }))
  }

  #unwritten(error: RivuletError, record: UnwrittenRecord): void {
    const outcome = this.#options.settings.onProductionError?.(error, record) ?? 'fail'
    if (outcome === 'fail') throw error
    const [task] = this.tasks.all.filter(({ part }) =>
      part.subTopology.nodes.some(({ name }) => name === record.step),
    )
    task?.task.leaveOut('production-failed', outcome === 'dead-letter' ? { error, record } : undefined)
  }

  #addLetter({ topic, key, value, timestampMs, headers }: DeadLetterRecord): void {
    const columns = new OutgoingColumns(topic, 0)
    columns.push(key, value, timestampMs, headers)
    this.outputs.addBytes(this.#topics.append(columns), letterSerdes)
  }

  #writable({ destinations }: Parcel): Promise<void> | undefined {
    const closed = destinations.find((destination) => destination?.isOpen === false)
    return closed && prepared(() => closed.prepare(), { ...this.#waits, topic: closed.topic.name })
  }

  #readable(chunk: RawChunk): Promise<void> | undefined {
    const [reader] = this.tasks.readersOf(chunk.topic, chunk.partition)
    return reader && prepared(() => prepareChunk(chunk, reader.input), { ...this.#waits, topic: chunk.topic })
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

function recordsIn(work: Work): number {
  return 'write' in work ? work.chunk.keys.length : work.offsets.length
}
