import type { Subscription } from 'rxjs'
import { RivuletError } from '../errors.ts'
import { slice } from '../operators/cut.ts'
import type { Chunk } from '../records/chunk.ts'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { SinkBatch, SinkWriter } from '../stream/sink.ts'
import type { Settings } from './environment.ts'
import type { RuntimeEvent } from './events.ts'
import type { Failure } from './failed-record.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import type { SinkStanding } from './sink-standing.ts'
import type { Task } from './task.ts'
import type { TimedChunk } from './timed-chunk.ts'

export interface SinkTaskOptions {
  readonly id: string
  readonly task: Task
  readonly node: ExternalSinkNode
  readonly writer: SinkWriter<unknown, unknown>
  readonly queues: readonly InputQueue[]
  readonly settings: Settings
  /** Told of each write, before and behind it. */
  readonly standing: SinkStanding
  readonly emit: (event: RuntimeEvent) => void
  /** What can't be decoded; resolves when it is where such records go. */
  readonly bad: (queue: InputQueue, record: BadRecord) => Promise<void>
  /** What the sink can't take, by its offset; resolves when it is where such records go, rejects with why it must not. */
  readonly refused: (queue: InputQueue, offset: number, error: unknown) => Promise<void>
  /** A step's callback failed, and its record belongs among the dead letters; resolves when it is there. */
  readonly failedRecord?: (failure: Failure) => Promise<void>
  /** The queue was emptied, and goes on elsewhere: what lies at its position must be fetched. */
  readonly seek: (queue: InputQueue) => void
  readonly written: (queue: InputQueue, nextOffset: number) => void
  /** Room was made in the queues. */
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

interface Gathering {
  readonly batch: SinkBatch<unknown, unknown>
  /** Behind what is in it. */
  nextOffset: number
  /** The timestamp of its first record. */
  readonly firstMs: number
  readonly timer: Subscription
}

/** However few rows they are: two such batches a partition are in memory. */
const batchBytesMax = 16 * 1024 * 1024
/** Nothing but garbage is read no faster than it can be put away. */
const lettersWaitingMax = 1_000

/** One partition on its way into the sink: one batch is being written while the next one gathers. */
interface Lane {
  readonly queue: InputQueue
  gathering: Gathering | undefined
  /** The gathering batch must go: it is full, or has waited long enough. */
  due: boolean
  writing: Promise<void> | undefined
  /** Settles when all dead letters so far are where they go: before, the sink must not remember that it has come further. */
  letters: Promise<unknown>
  lettersWaiting: number
  /** What lies before is in the sink, or was left out for good. */
  writtenOffset: number
}

/** A task that ends in an external system, which knows itself how far it has come. */
export class SinkTask {
  readonly id: string
  readonly task: Task
  readonly queues: readonly InputQueue[]
  readonly #options: SinkTaskOptions
  readonly #lanes: readonly Lane[]
  #stopped = false

  constructor(options: SinkTaskOptions) {
    this.id = options.id
    this.task = options.task
    this.queues = options.queues
    this.#options = options
    this.#lanes = options.queues.map((queue) => ({
      queue,
      gathering: undefined,
      due: false,
      writing: undefined,
      letters: Promise.resolve(),
      lettersWaiting: 0,
      writtenOffset: queue.position,
    }))
    options.task.letters$.subscribe((failure) => this.#putAway(failure))
  }

  committedOffset(queue: InputQueue): number {
    const lane = this.#lanes.find((each) => each.queue === queue)
    // Behind the last record there may be nothing but transaction markers: there is nothing to write for them.
    const isWritten = !lane?.gathering && !lane?.writing && !lane?.lettersWaiting
    return lane && !isWritten ? lane.writtenOffset : queue.position
  }

  run(): void {
    if (this.#stopped) return
    const { load } = this.task
    const begunMs = load.begin()
    try {
      for (const lane of this.#lanes) this.#work(lane)
    } catch (error) {
      this.#fail(error)
      return
    } finally {
      load.end(begunMs)
      load.holdBack(this.#lanes.some(({ due, writing }) => due && writing !== undefined))
    }
    this.#options.worked()
  }

  /** A sink's steps are stateless: time means nothing to them. */
  advanceWallClock(): void {}

  /** Takes nothing more, and writes what was gathered. */
  async close(): Promise<void> {
    this.#stop()
    await Promise.all(
      this.#lanes.map(async (lane) => {
        await lane.writing
        if (lane.gathering) await this.#write(lane, lane.gathering)
      }),
    )
  }

  async abandon(): Promise<void> {
    this.#stop()
  }

  #stop(): void {
    this.#stopped = true
    for (const lane of this.#lanes) lane.gathering?.timer.unsubscribe()
  }

  /** While one batch is written, the next one is gathered: also of what is here already. */
  #work(lane: Lane): void {
    for (;;) {
      this.#gather(lane)
      if (!lane.due || !lane.gathering || lane.writing) return
      this.#beginWriting(lane, lane.gathering)
    }
  }

  #gather(lane: Lane): void {
    const { rowsMax } = this.#options.node.batch
    while (!lane.due && lane.lettersWaiting < lettersWaitingMax) {
      const room = rowsMax - (lane.gathering?.batch.rows ?? 0)
      const chunk = lane.queue.takeUpTo(room, (record) => this.#bad(lane, record))
      if (!chunk) break
      this.#append(lane, chunk)
    }
  }

  #beginWriting(lane: Lane, gathering: Gathering): void {
    lane.gathering = undefined
    lane.due = false
    lane.writing = this.#write(lane, gathering).finally(() => {
      lane.writing = undefined
    })
    lane.writing.then(
      () => this.run(),
      (error) => this.#fail(error),
    )
  }

  #bad(lane: Lane, record: BadRecord): void {
    this.#await(lane, this.#options.bad(lane.queue, record))
  }

  #putAway(failure: Failure): void {
    const { topic, partition } = failure.record
    const lane = this.#lanes.find(({ queue }) => queue.input.topic === topic && queue.partition === partition)
    if (lane && this.#options.failedRecord) this.#await(lane, this.#options.failedRecord(failure))
  }

  /** Nothing behind the letter is written before it is where it goes. */
  #await(lane: Lane, sent: Promise<void>): void {
    lane.lettersWaiting++
    lane.letters = Promise.all([lane.letters, sent]).then(() => {
      lane.lettersWaiting--
      if (lane.lettersWaiting === 0) this.run()
    })
    lane.letters.catch((error) => this.#fail(error))
  }

  #append(lane: Lane, chunk: TimedChunk): void {
    const { task, node, settings } = this.#options
    const { queue } = lane
    task.processTimed(queue.input.node, chunk)
    const outputs = task.takeOutputs()
    lane.gathering ??= this.#begin(lane, chunk.timestampsMs[0] ?? settings.clock.now())
    const { batch } = lane.gathering
    for (const output of outputs) this.#appendFitting(lane, batch, output.chunk)
    // Nothing is left of them, and yet they need not be read again.
    if (outputs.length === 0) batch.append({ ...chunk, ...noRecords }, queue.position)
    lane.gathering.nextOffset = queue.position
    if (batch.rows >= node.batch.rowsMax || batch.bytes >= batchBytesMax) lane.due = true
  }

  /** Records that make no row of the sink are dead letters; the others of their chunk are appended. */
  #appendFitting(lane: Lane, batch: SinkBatch<unknown, unknown>, chunk: Chunk<unknown, unknown>): void {
    const { position } = lane.queue
    for (let rest = chunk; ; ) {
      try {
        batch.append(rest, position)
        return
      } catch (error) {
        const offset = misfitOffset(error)
        const from = rest.offsets.indexOf(offset)
        if (from < 0) throw error
        this.#await(lane, this.#options.refused(lane.queue, offset, error))
        batch.append(slice(rest, 0, from), position)
        rest = slice(rest, rest.offsets.lastIndexOf(offset) + 1, rest.keys.length)
      }
    }
  }

  #begin(lane: Lane, firstMs: number): Gathering {
    const { writer, settings, node } = this.#options
    const { input, partition, position } = lane.queue
    const batch = writer.begin(input.topic, partition)
    const timer = settings.clock.scheduler.schedule(() => {
      lane.due = true
      this.run()
    }, node.batch.waitMsMax)
    return { batch, nextOffset: position, firstMs, timer }
  }

  async #write(lane: Lane, gathering: Gathering): Promise<void> {
    const expected = gathering.nextOffset
    gathering.timer.unsubscribe()
    await lane.letters
    const nextOffset = await this.#writeBatch(lane, gathering)
    lane.writtenOffset = nextOffset
    this.#options.written(lane.queue, nextOffset)
    if (nextOffset === expected) return
    // A rival writer was there first, with a batch that ends elsewhere: what gathers does not begin where it ended.
    lane.gathering?.timer.unsubscribe()
    lane.gathering = undefined
    lane.due = false
    lane.queue.reset(nextOffset)
    if (!this.#stopped) this.#options.seek(lane.queue)
  }

  async #writeBatch({ queue }: Lane, { batch, firstMs }: Gathering): Promise<number> {
    const { writer, standing, refused, settings, node, emit } = this.#options
    const writing = standing.begin(batch.rows)
    try {
      const { nextOffset } = await writer.write(batch, (offset, error) => refused(queue, offset, error))
      if (writing.rows === 0) return nextOffset
      standing.end(writing)
      const nowMs = settings.clock.now()
      const [tookMs, ageMs] = [nowMs - writing.sinceMs, nowMs - firstMs]
      emit({ type: 'written', step: node.name, rows: writing.rows, tookMs, ageMs })
      return nextOffset
    } finally {
      standing.giveUp(writing)
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stop()
    this.#options.failed(error)
  }
}

/** Of the record that can't be encoded for its values' sake; −1: the error says something else. */
function misfitOffset(error: unknown): number {
  return error instanceof RivuletError && error.code === 'ENCODE_FAILED' ? (error.place.offset ?? -1) : -1
}

const noRecords = { keys: [], values: [], timestampsMs: [], offsets: [] }
