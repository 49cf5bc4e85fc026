import type { Fetched, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { prepareChunk } from '../serdes/decode-chunk.ts'
import { FetchedChunk, type InputQueue } from './input-queue.ts'
import type { InstanceContext } from './instance-context.ts'
import type { InputLayout } from './layout.ts'
import { prepared } from './prepared.ts'

/** Who works off what a feed puts into its queues. */
export interface FeedReader {
  readonly queues: readonly InputQueue[]
  run(): void
}

export interface PartitionFeedOptions {
  readonly context: Pick<InstanceContext, 'settings' | 'logger' | 'failed'>
  /** How many tasks read it, when all are there. */
  readonly readers: number
  readonly consumer: Pick<KafkaConsumer, 'pause' | 'resume' | 'seek'>
  /** What the group had committed when the partition came; undefined: nothing. */
  readonly groupOffset?: number | undefined
}

/**
 * One assigned partition, fetched once for all tasks that read it: each takes from its own position, and the slowest
 * one, when its queue is full, pauses the partition. So do serdes that have something to fetch before they can read.
 */
export class PartitionFeed implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly #input: InputLayout
  readonly #options: PartitionFeedOptions
  readonly #readers = new Map<InputQueue, FeedReader>()
  /** What lies before was deleted by this instance. */
  purgedOffset = 0
  #paused = true
  #endOffset = -1
  /** Fetched, in order, behind the first one whose serdes are preparing. */
  #unprepared: FetchedChunk[] = []
  /** Aborted, and another one, when what waits is not wanted any more. */
  #preparing = new AbortController()

  constructor(input: InputLayout, partition: number, options: PartitionFeedOptions) {
    this.topic = input.topic
    this.partition = partition
    this.#input = input
    this.#options = options
    options.consumer.pause([this])
  }

  /** The end of the partition, as last heard; −1: not yet. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** What the group had committed when the partition came; undefined: nothing. */
  get groupOffset(): number | undefined {
    return this.#options.groupOffset
  }

  /** Whether what all of its tasks have worked off may be deleted: the application itself wrote it, and all are here. */
  get isPurgeable(): boolean {
    return this.#input.internal && this.#isComplete
  }

  /** A task is ready to read from here. */
  attach(reader: FeedReader): void {
    for (const queue of reader.queues) if (queue.input.topic === this.topic) this.#readers.set(queue, reader)
    this.rewind()
  }

  detach(reader: FeedReader): void {
    for (const queue of reader.queues) this.#readers.delete(queue)
  }

  /** The partition is somebody else's: from now on nothing is done with it. */
  close(): void {
    this.#readers.clear()
    this.#forget()
  }

  push(fetched: Fetched): void {
    this.#endOffset = fetched.endOffset
    const { onCallbackError } = this.#options.context.settings
    this.#unprepared.push(new FetchedChunk(fetched, this.#input, onCallbackError))
    if (this.#unprepared.length === 1) this.#work()
  }

  /** Fetches from where the first of its tasks needs it; begins when all of them are there. */
  rewind(): void {
    if (!this.#isComplete) return
    this.#forget()
    const offset = Math.min(...[...this.#readers.keys()].map((queue) => queue.queuedOffset))
    this.#options.consumer.seek(this.topic, this.partition, offset)
    this.regulate()
  }

  /** Pauses the partition while a queue is full, until all are half empty, and while serdes prepare. */
  regulate(): void {
    if (!this.#isComplete) return
    const { consumer, context } = this.#options
    const { recordsBufferedMax } = context.settings
    const fullest = Math.max(...[...this.#readers.keys()].map(({ records }) => records))
    const isWaiting = this.#unprepared.length > 0
    if (!this.#paused && (isWaiting || fullest >= recordsBufferedMax)) {
      this.#paused = true
      consumer.pause([this])
    } else if (this.#paused && !isWaiting && fullest <= recordsBufferedMax / 2) {
      this.#paused = false
      consumer.resume([this])
    }
  }

  /** Hands over what is there, up to the first chunk for which something must be fetched. */
  #work(): void {
    try {
      for (let chunk = this.#unprepared[0]; chunk; chunk = this.#unprepared[0]) {
        const ready = this.#prepared(chunk)
        if (ready) {
          this.#waitFor(ready, chunk)
          return
        }
        this.#handOver(chunk)
      }
    } catch (error) {
      this.#options.context.failed(error)
    }
  }

  #prepared({ raw }: FetchedChunk): Promise<void> | undefined {
    const { context } = this.#options
    const { signal } = this.#preparing
    return prepared(() => prepareChunk(raw, this.#input), { context, topic: this.topic, signal })
  }

  #waitFor(ready: Promise<void>, chunk: FetchedChunk): void {
    const { signal } = this.#preparing
    // What is on the broker is known, though it does not come yet.
    for (const queue of this.#readers.keys()) queue.hear(chunk.endOffset)
    this.regulate()
    ready
      .then(() => {
        if (signal.aborted) return
        this.#handOver(chunk)
        this.#work()
      })
      .catch((error) => {
        if (!signal.aborted) this.#options.context.failed(error)
      })
  }

  #handOver(chunk: FetchedChunk): void {
    this.#unprepared.shift()
    for (const queue of this.#readers.keys()) queue.push(chunk)
    this.regulate()
    for (const reader of this.#readers.values()) reader.run()
  }

  /** What waits is not wanted any more, or comes again. */
  #forget(): void {
    this.#unprepared = []
    this.#preparing.abort()
    this.#preparing = new AbortController()
  }

  get #isComplete(): boolean {
    return this.#readers.size >= this.#options.readers
  }
}
