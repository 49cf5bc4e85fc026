import type { Fetched } from '../kafka/types.ts'
import { slice } from '../operators/cut.ts'
import type { DropReason } from '../operators/operator.ts'
import type { RawChunk } from '../records/chunk.ts'
import { decodeChunk, type Undecodable } from '../serdes/decode-chunk.ts'
import type { CallbackErrorHandler, Failure } from './failed-record.ts'
import type { InputLayout } from './layout.ts'
import { failAlways } from './task.ts'
import { type TimedChunk, type Timing, timeChunk } from './timed-chunk.ts'

/** Records as a task takes them, and what of the fetched ones is left out. */
interface Readable extends Timing {
  readonly undecodable: readonly Undecodable[]
}

/**
 * What was fetched of a partition; decoded once, when the first of its tasks comes to it, and each record's event time
 * is asked for then.
 */
export class FetchedChunk {
  readonly raw: RawChunk
  readonly nextOffset: number
  readonly endOffset: number
  readonly #input: InputLayout
  readonly #onCallbackError: CallbackErrorHandler
  #readable: Readable | undefined

  constructor(
    { chunk, nextOffset, endOffset }: Fetched,
    input: InputLayout,
    onCallbackError: CallbackErrorHandler = failAlways,
  ) {
    this.raw = chunk
    this.nextOffset = nextOffset
    this.endOffset = endOffset
    this.#input = input
    this.#onCallbackError = onCallbackError
  }

  /** Throws `CALLBACK_FAILED`, with its place, for a record whose event time can't be told and that must not be left out. */
  get readable(): Readable {
    this.#readable ??= this.#read()
    return this.#readable
  }

  #read(): Readable {
    const { node } = this.#input
    const { chunk, undecodable } = decodeChunk(this.raw, this.#input)
    if (node.type === 'repartition') return { chunk, dropped: [], undecodable }
    return { ...timeChunk(node, chunk, this.#onCallbackError), undecodable }
  }
}

/** A record that could not be decoded, where it lies. */
export interface BadRecord extends Undecodable {
  readonly raw: RawChunk
}

interface Item {
  readonly fetched: FetchedChunk
  /** What lies before came with an item before, or had been processed already. */
  readonly fromOffset: number
  /** The first record of the decoded chunk that is not yet taken; −1: nobody has looked. */
  at: number
}

/** Records of one partition on their way into one task. */
export class InputQueue {
  readonly input: InputLayout
  readonly partition: number
  /** How many records wait. */
  records = 0
  /** The offset of the next record to take: what lies before has been processed by this task. */
  #position: number
  /** What lies before is processed or waits here. */
  #queuedOffset: number
  #items: Item[] = []
  #endOffset = -1
  readonly #dropped: (reason: DropReason, failure?: Failure) => void

  /** `dropped` is told of each record that is left out for its event time's sake, when the task comes to it. */
  constructor(
    input: InputLayout,
    partition: number,
    position: number,
    dropped: (reason: DropReason, failure?: Failure) => void = () => {},
  ) {
    this.input = input
    this.partition = partition
    this.#position = position
    this.#queuedOffset = position
    this.#dropped = dropped
  }

  get position(): number {
    return this.#position
  }

  /** The offset of the next record to fetch. */
  get queuedOffset(): number {
    return this.#queuedOffset
  }

  /** The end of the partition, as last heard; −1: not yet. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Whether it has everything that is known to be on the broker. */
  get caughtUp(): boolean {
    return this.#endOffset >= 0 && this.#queuedOffset >= this.#endOffset
  }

  /** The partition ends there now. */
  hear(endOffset: number): void {
    this.#endOffset = endOffset
  }

  /** What it has already is passed over: a partition is fetched for several tasks, each of which is somewhere else. */
  push(fetched: FetchedChunk): void {
    this.hear(fetched.endOffset)
    if (fetched.nextOffset <= this.#queuedOffset) return
    const { offsets } = fetched.raw
    const fresh = offsets.length - firstAtOrBehind(offsets, this.#queuedOffset)
    if (fresh > 0) {
      this.records += fresh
      this.#items.push({ fetched, fromOffset: this.#queuedOffset, at: -1 })
    } else if (this.#items.length === 0) {
      // Transaction markers, or records that compaction took: there is nothing to do for them.
      this.#position = fetched.nextOffset
    }
    this.#queuedOffset = fetched.nextOffset
  }

  /** Event time of the next record; undefined when there is none. What can't be decoded goes to `bad` on the way. */
  headMs(bad: (record: BadRecord) => void): number | undefined {
    const item = this.#head(bad)
    return item?.fetched.readable.chunk.timestampsMs[item.at]
  }

  /**
   * Takes the first record, and those of its chunk behind it up to the first that is later than `lastMs`, as one chunk of
   * no more than so many, and counts them as processed.
   */
  take(lastMs: number, recordsMax: number, bad: (record: BadRecord) => void): TimedChunk {
    const item = this.#head(bad) as Item
    const { chunk } = item.fetched.readable
    const from = item.at
    const end = Math.min(chunk.keys.length, from + recordsMax)
    let to = from + 1
    while (to < end && (chunk.timestampsMs[to] as number) <= lastMs) to++
    return this.#advance(item, from, to, bad)
  }

  /** Takes at most so many records of the first chunk; undefined when there are none. */
  takeUpTo(recordsMax: number, bad: (record: BadRecord) => void): TimedChunk | undefined {
    const item = this.#head(bad)
    if (!item) return undefined
    const to = Math.min(item.fetched.readable.chunk.keys.length, item.at + recordsMax)
    return this.#advance(item, item.at, to, bad)
  }

  /** Goes on from there: what waits is thrown away. */
  reset(position: number): void {
    this.#position = position
    this.#queuedOffset = position
    this.#items = []
    this.records = 0
  }

  #advance(item: Item, from: number, to: number, bad: (record: BadRecord) => void): TimedChunk {
    const { chunk } = item.fetched.readable
    const whole = from === 0 && to === chunk.keys.length
    item.at = to
    this.#moveTo(to < chunk.keys.length ? (chunk.offsets[to] as number) : item.fetched.nextOffset, item, bad)
    if (to === chunk.keys.length) this.#items.shift()
    return whole ? chunk : slice(chunk, from, to)
  }

  /** The first item that has a record; those in which nothing could be decoded are done with. */
  #head(bad: (record: BadRecord) => void): Item | undefined {
    for (let item = this.#items[0]; item; item = this.#items[0]) {
      const { chunk } = item.fetched.readable
      if (item.at < 0) item.at = firstAtOrBehind(chunk.offsets, item.fromOffset)
      if (item.at < chunk.keys.length) return item
      this.#moveTo(item.fetched.nextOffset, item, bad)
      this.#items.shift()
    }
    return undefined
  }

  #moveTo(position: number, item: Item, bad: (record: BadRecord) => void): void {
    const { raw, readable } = item.fetched
    for (const undecodable of readable.undecodable) {
      const offset = raw.offsets[undecodable.index] as number
      if (offset >= this.#position && offset < position) bad({ ...undecodable, raw })
    }
    for (const { offset, reason, failure } of readable.dropped)
      if (offset >= this.#position && offset < position) this.#dropped(reason, failure)
    this.records -= firstAtOrBehind(raw.offsets, position) - firstAtOrBehind(raw.offsets, this.#position)
    this.#position = position
  }
}

/** Index of the first of the rising offsets that is at or behind `offset`. */
function firstAtOrBehind(offsets: readonly number[], offset: number): number {
  let low = 0
  let high = offsets.length
  if (high === 0 || (offsets[0] as number) >= offset) return 0
  while (low < high) {
    const middle = (low + high) >> 1
    if ((offsets[middle] as number) < offset) low = middle + 1
    else high = middle
  }
  return low
}
