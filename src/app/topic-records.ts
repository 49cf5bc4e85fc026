import { EMPTY, lastValueFrom, scan, takeUntil, takeWhile, timer } from 'rxjs'
import type { Clock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import type { Kafka, PartitionRange } from '../kafka/types.ts'
import type { RawChunk } from '../records/chunk.ts'
import { type TopicPurpose, topicsOf } from '../runtime/topics-of.ts'
import type { Serde } from '../serdes/serde.ts'
import { isChooser } from '../stream/graph.ts'
import { deadLetterTopicOf } from '../stream/topic-name.ts'
import type { Topology } from '../stream/topology.ts'
import { type ShownBytes, shownBytes } from './shown-bytes.ts'

/** A topic whose records can be looked at. */
export interface ShownTopic {
  /** Its real name. */
  readonly name: string
  readonly purpose: TopicPurpose
  readonly partitions: number
}

/** A record of a topic, to be read. */
export interface ShownRecord {
  readonly partition: number
  readonly offset: number
  /** ISO 8601 in UTC. */
  readonly time: string | number
  readonly key: ShownBytes | null
  readonly value: ShownBytes | null
  readonly headers: readonly { readonly name: string; readonly value: ShownBytes | null }[]
}

/** The next record to read of each partition. */
export type RecordCursor = ReadonlyMap<number, number>

/** Where reading begins: at the newest records, at those of a time, at one record, or where it was left. */
export type RecordStart =
  | { readonly at: 'newest' }
  | { readonly at: 'time'; readonly timeMs: number }
  | { readonly at: 'offset'; readonly offset: number }
  | { readonly at: 'cursor'; readonly cursor: RecordCursor }

export interface RecordQuestion {
  readonly topic: string
  /** Undefined: all of them. */
  readonly partition: number | undefined
  readonly start: RecordStart
  readonly recordsMax: number
  /** Of a key, a value or a header. */
  readonly charactersMax: number
}

export interface RecordAnswer {
  /** By time, then by place. */
  readonly records: readonly ShownRecord[]
  readonly cursor: RecordCursor
  /** What is there behind these. */
  readonly behind: number
  /** What the cursor was to find, and is deleted by now. */
  readonly deleted: number
}

export interface TopicRecordsOptions {
  readonly kafka: Kafka
  readonly topology: Topology
  readonly topicPrefix: string
  readonly clock: Clock
}

const answerMsMax = 5_000
const readsMax = 4
/** How far back the newest records are looked for, in offsets. */
const spanMax = 20_000

interface Part {
  readonly chunks: readonly RawChunk[]
  readonly records: number
  /** The first that is shown. */
  readonly fromOffset: number
  readonly nextOffset: number
}

/** The records of a topology's topics as they lie in Kafka, committed ones only; a few at a time, and not for ever. */
export class TopicRecords {
  readonly #options: TopicRecordsOptions
  readonly #serdes: ReadonlyMap<string, { readonly key: Serde<unknown>; readonly value: Serde<unknown> }>
  #reads = 0

  constructor(options: TopicRecordsOptions) {
    this.#options = options
    this.#serdes = serdesOf(options)
  }

  /** Those that are there. Rejects with `KAFKA_NO_ANSWER`. */
  topics(): Promise<readonly ShownTopic[]> {
    return this.#inTime(this.#topics())
  }

  /** Undefined: there is no such topic. Rejects with `KAFKA_NO_ANSWER`, or `BUFFER_FULL` when too many read at a time. */
  async read(question: RecordQuestion): Promise<RecordAnswer | undefined> {
    if (this.#reads >= readsMax)
      throw new RivuletError('BUFFER_FULL', 'Too many read records at the moment', { retryable: true })
    this.#reads++
    try {
      return await this.#inTime(this.#read(question))
    } finally {
      this.#reads--
    }
  }

  async #topics(): Promise<readonly ShownTopic[]> {
    const { kafka, topology, topicPrefix } = this.#options
    const uses = await topicsOf(topology, topicPrefix)
    const purposes = new Map<string, TopicPurpose>(uses.map(({ name, purpose }) => [name, purpose]))
    // Also where the topology itself reads them.
    for (const { name } of uses) purposes.set(deadLetterTopicOf(name), 'dead letters')
    for (const node of topology.nodes)
      if (node.type === 'external-source' && node.deadLetters)
        purposes.set(`${topicPrefix}${node.deadLetters.name}`, 'dead letters')
    const counts = await kafka.admin.partitionCounts([...purposes.keys()])
    return [...purposes].flatMap(([name, purpose]) => {
      const partitions = counts.get(name)
      return partitions === undefined ? [] : { name, purpose, partitions }
    })
  }

  async #read(question: RecordQuestion): Promise<RecordAnswer | undefined> {
    const { topic, partition, start, recordsMax } = question
    if (!(await this.#topics()).some(({ name }) => name === topic)) return undefined
    const all = await this.#options.kafka.admin.offsets(topic)
    const ranges = all.filter((range) => partition === undefined || range.partition === partition)
    const each = Math.max(1, Math.ceil(recordsMax / Math.max(1, ranges.length)))
    const parts = await Promise.all(
      ranges.map(async (range) => {
        if (start.at === 'newest')
          return { range, part: await this.#readNewest(topic, range, each), deleted: 0 }
        const wanted = await this.#startIn(range, topic, start)
        const fromOffset = Math.min(Math.max(wanted, range.lowOffset), range.endOffset)
        const part = await this.#readPart(topic, range, fromOffset, each)
        return { range, part, deleted: Math.max(0, range.lowOffset - wanted) }
      }),
    )
    const records = parts.flatMap(({ part }) =>
      part.chunks.flatMap((chunk) => this.#shown(chunk, part, question.charactersMax)),
    )
    return {
      records: records
        .toSorted((a, b) => a.timeMs - b.timeMs || a.record.offset - b.record.offset)
        .map(({ record }) => record),
      cursor: new Map(parts.map(({ range, part }) => [range.partition, part.nextOffset])),
      behind: parts.reduce((sum, { range, part }) => sum + Math.max(0, range.endOffset - part.nextOffset), 0),
      deleted: start.at === 'cursor' ? parts.reduce((sum, { deleted }) => sum + deleted, 0) : 0,
    }
  }

  async #startIn(
    { partition, lowOffset }: PartitionRange,
    topic: string,
    start: Exclude<RecordStart, { at: 'newest' }>,
  ): Promise<number> {
    switch (start.at) {
      case 'time':
        return this.#options.kafka.admin.offsetAt({ topic, partition }, start.timeMs)
      case 'offset':
        return start.offset
      case 'cursor':
        return start.cursor.get(partition) ?? lowOffset
    }
  }

  /** What ends transactions and what was compacted away have offsets, too: it is looked further back until there are enough. */
  async #readNewest(topic: string, range: PartitionRange, recordsMax: number): Promise<Part> {
    const { lowOffset, endOffset } = range
    for (let span = 2 * recordsMax; ; span *= 4) {
      const fromOffset = Math.max(lowOffset, endOffset - span)
      const part = await this.#readPart(topic, range, fromOffset, span)
      if (part.records < recordsMax && fromOffset > lowOffset && span < spanMax) continue
      const offsets = part.chunks.flatMap((chunk) => chunk.offsets)
      return { ...part, fromOffset: offsets.at(-recordsMax) ?? fromOffset }
    }
  }

  /** Ends in time with what there is by then. */
  async #readPart(
    topic: string,
    { partition, endOffset }: PartitionRange,
    fromOffset: number,
    recordsMax: number,
  ): Promise<Part> {
    const { kafka, clock } = this.#options
    const none: Part = { chunks: [], records: 0, fromOffset, nextOffset: fromOffset }
    const read$ =
      fromOffset >= endOffset ? EMPTY : kafka.read(topic, partition, { fromOffset, toOffset: endOffset })
    const part = await lastValueFrom(
      read$.pipe(
        scan(
          ({ chunks, records }, { chunk, nextOffset }): Part => ({
            chunks: [...chunks, chunk],
            records: records + chunk.offsets.length,
            fromOffset,
            nextOffset,
          }),
          none,
        ),
        takeWhile(({ records }) => records < recordsMax, true),
        takeUntil(timer(answerMsMax / 2, clock.scheduler)),
      ),
      { defaultValue: none },
    )
    if (part.records <= recordsMax) return part
    const offsets = part.chunks.flatMap((chunk) => chunk.offsets)
    return { ...part, nextOffset: offsets[recordsMax] ?? part.nextOffset }
  }

  /** Copied out of what was fetched. */
  #shown(chunk: RawChunk, { fromOffset, nextOffset }: Part, charactersMax: number) {
    const { topic, partition } = chunk
    const serdes = this.#serdes.get(topic)
    return chunk.offsets.flatMap((offset, i) => {
      if (offset < fromOffset || offset >= nextOffset) return []
      const headers = chunk.headers?.[i]
      const timeMs = chunk.timestampsMs[i] ?? 0
      const show = (part: 'key' | 'value') => {
        const bytes = (part === 'key' ? chunk.keys : chunk.values).at(i)
        return shownBytes(bytes, charactersMax, serdes?.[part], { topic, part, headers })
      }
      const record: ShownRecord = {
        partition,
        offset,
        time: Number.isNaN(new Date(timeMs).getTime()) ? timeMs : new Date(timeMs).toISOString(),
        key: show('key'),
        value: show('value'),
        headers: (headers ?? []).map(([name, value]) => ({ name, value: shownBytes(value, charactersMax) })),
      }
      return { timeMs, record }
    })
  }

  /** What Kafka's client repeats for ever is given up here: whoever asked asks again. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { clock } = this.#options
    const waited = new AbortController()
    const late = clock.sleep(answerMsMax, waited.signal).then(() => {
      throw new RivuletError('KAFKA_NO_ANSWER', 'Kafka does not answer', { retryable: true })
    })
    late.catch(() => undefined) // it was in time
    answer.catch(() => undefined) // nobody waits any more
    return Promise.race([answer, late]).finally(() => waited.abort())
  }
}

function serdesOf({ topology, topicPrefix }: TopicRecordsOptions) {
  const serdes = new Map<string, { key: Serde<unknown>; value: Serde<unknown> }>()
  for (const node of topology.nodes) {
    if (node.type === 'repartition') {
      const { key, value } = node
      serdes.set(`${topicPrefix}${topology.name}-${node.topicName}`, { key, value })
    } else if ((node.type === 'topic-source' || node.type === 'topic-sink') && !isChooser(node.topic)) {
      const { name, key, value } = node.topic
      serdes.set(`${topicPrefix}${name}`, { key, value })
    }
  }
  return serdes
}
