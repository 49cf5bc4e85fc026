import type { Subscription } from 'rxjs'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { SinkBatch, SinkWriter } from '../stream/sink.ts'
import type { Settings } from './environment.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import type { Task } from './task.ts'
import type { TimedChunk } from './timed-chunk.ts'

export interface SinkTaskOptions {
  readonly id: string
  readonly task: Task
  readonly node: ExternalSinkNode
  readonly writer: SinkWriter<unknown, unknown>
  readonly queues: readonly InputQueue[]
  readonly settings: Settings
  /** What can't be decoded; resolves when it is where such records go. */
  readonly bad: (queue: InputQueue, record: BadRecord) => Promise<void>
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
  readonly timer: Subscription
}

/** However few rows they are: two such batches a partition are in memory. */
const BATCH_BYTES_MAX = 16 * 1024 * 1024
/** Nothing but garbage is read no faster than it can be put away. */
const LETTERS_WAITING_MAX = 1_000

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
  }

  committedOffset(queue: InputQueue): number {
    return this.#lanes.find((lane) => lane.queue === queue)?.writtenOffset ?? queue.position
  }

  run(): void {
    if (this.#stopped) return
    try {
      for (const lane of this.#lanes) this.#work(lane)
    } catch (error) {
      this.#fail(error)
      return
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
    while (!lane.due && lane.lettersWaiting < LETTERS_WAITING_MAX) {
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
    const sent = this.#options.bad(lane.queue, record)
    lane.lettersWaiting++
    lane.letters = Promise.all([lane.letters, sent]).then(() => {
      lane.lettersWaiting--
      if (lane.lettersWaiting === 0) this.run()
    })
    lane.letters.catch((error) => this.#fail(error))
  }

  #append(lane: Lane, chunk: TimedChunk): void {
    const { task, node } = this.#options
    const { queue } = lane
    task.processTimed(queue.input.node, chunk)
    const outputs = task.takeOutputs()
    lane.gathering ??= this.#begin(lane)
    const { batch } = lane.gathering
    for (const output of outputs) batch.append(output.chunk, queue.position)
    // Nothing is left of them, and yet they need not be read again.
    if (outputs.length === 0) batch.append({ ...chunk, ...noRecords }, queue.position)
    lane.gathering.nextOffset = queue.position
    if (batch.rows >= node.batch.rowsMax || batch.bytes >= BATCH_BYTES_MAX) lane.due = true
  }

  #begin(lane: Lane): Gathering {
    const { writer, settings, node } = this.#options
    const { input, partition, position } = lane.queue
    const batch = writer.begin(input.topic, partition)
    const timer = settings.clock.scheduler.schedule(() => {
      lane.due = true
      this.run()
    }, node.batch.waitMsMax)
    return { batch, nextOffset: position, timer }
  }

  async #write(lane: Lane, { batch, nextOffset: expected, timer }: Gathering): Promise<void> {
    timer.unsubscribe()
    await lane.letters
    const { nextOffset } = await this.#options.writer.write(batch)
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

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stop()
    this.#options.failed(error)
  }
}

const noRecords = { keys: [], values: [], timestampsMs: [], offsets: [] }
