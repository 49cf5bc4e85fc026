import { connect, endWith, filter, ignoreElements, map, merge, type OperatorFunction, takeUntil } from 'rxjs'
import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { eachRecord, type OperatorContext, standalone } from './operator.ts'
import { type Punctuation, Punctuations } from './punctuation.ts'

/** The stores of a processor, by the names that it calls them. */
export type StoreSpecs = Readonly<Record<string, StoreSpec>>

/** The stores that such specs make, by the same names. */
export type StoresOf<S extends StoreSpecs> = {
  readonly [Name in keyof S]: S[Name] extends StoreSpec<infer Store> ? Store : never
}

/** Where a record comes from, beside its key and value. */
export interface RecordInfo {
  /** The topic that the task has read it from. */
  readonly topic: string
  /** Of that topic. */
  readonly partition: number
  /** Of the input record that it came of; −1: of none. */
  readonly offset: number
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** Undefined: it has none. */
  readonly headers: Headers | undefined
}

/** What a processor is given: its stores, both times, and where its records go. */
export interface ProcessorContext<K, V, S extends StoreSpecs> {
  /** The task's own, by the names in the spec. */
  readonly stores: StoresOf<S>
  /** How far event time has come at this step; −Infinity before the first record. */
  streamTimeMs(): number
  /** Wall-clock time. */
  nowMs(): number
  /**
   * Sends a record on, any number of times for each one, from within the processor or a punctuation only. Its timestamp
   * is the record's, or the punctuation's time, unless one is given. What is behind sees it when the call returns that
   * is under way.
   */
  forward(key: K, value: V, timestampMs?: number): void
  /** Calls back as time goes on; answers a function that ends it. */
  punctuate(punctuation: Punctuation, action: (timeMs: number) => void): () => void
}

/** Made once for each task: answers what is to be done with each record. */
export type Processor<K, V, K2, V2, S extends StoreSpecs> = (
  context: ProcessorContext<K2, V2, S>,
) => (value: V, key: K, record: RecordInfo) => void

/** A processor, and what it keeps. */
export interface ProcessOptions<K, V, K2, V2, S extends StoreSpecs> {
  /** By the names that the processor calls them. */
  readonly stores: S
  /** Called once for each task, or subscription. */
  readonly processor: Processor<K, V, K2, V2, S>
}

/** What is being worked on: forwarded records are collected here. */
interface Under<K, V> {
  readonly out: ChunkBuilder<K, V>
  i: number
  timestampMs: number
}

/**
 * Hands each record to a processor of the user's, with stores and punctuations. After each record, punctuations by
 * stream time are called that it has made due. Source: Kafka Streams `KStream.process`.
 *
 * @example
 * ```ts
 * clicks$.pipe(process({
 *   stores: { seen: keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long }) },
 *   processor: ({ stores, forward }) => ({ page }, user, { timestampMs }) => {
 *     if (stores.seen.get(user) === undefined) forward(user, page)
 *     stores.seen.put(user, timestampMs, timestampMs)
 *   },
 * }))
 * ```
 */
export function process<K, V, K2, V2, S extends StoreSpecs>(
  { stores, processor }: ProcessOptions<K, V, K2, V2, S>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K2, V2>> {
  return connect((source) => {
    const running = new Running(stores, processor, context)
    const ended$ = source.pipe(ignoreElements(), endWith(undefined))
    return merge(
      source.pipe(map((chunk) => running.process(chunk))),
      context.ticks$.pipe(
        takeUntil(ended$),
        map((nowMs) => running.tick(nowMs)),
      ),
    ).pipe(filter((chunk) => chunk.keys.length > 0))
  })
}

class Running<K, V, K2, V2, S extends StoreSpecs> {
  readonly #context: OperatorContext
  readonly #punctuations = new Punctuations()
  readonly #handle: (value: V, key: K, record: RecordInfo) => void
  /** Absent between calls. */
  #under: Under<K2, V2> | undefined
  #place = { topic: '', partition: 0 }

  constructor(stores: S, processor: Processor<K, V, K2, V2, S>, context: OperatorContext) {
    this.#context = context
    this.#handle = processor({
      stores: openStores(stores, context),
      streamTimeMs: () => context.streamTime.ms,
      nowMs: () => context.now(),
      forward: (key, value, timestampMs) => this.#forward(key, value, timestampMs),
      punctuate: (punctuation, action) => this.#punctuate(punctuation, action),
    })
  }

  process(chunk: Chunk<K, V>): Chunk<K2, V2> {
    const { streamTime } = this.#context
    const { topic, partition, offsets, headers } = chunk
    this.#place = { topic, partition }
    const under = { out: new ChunkBuilder<K2, V2>(chunk), i: 0, timestampMs: 0 }
    this.#under = under
    this.#punctuations.startStreamTime(streamTime.ms)
    eachRecord(this.#context, chunk, (i, key, value, timestampMs) => {
      under.i = i
      under.timestampMs = timestampMs
      if (timestampMs > streamTime.ms) streamTime.ms = timestampMs
      const record = { topic, partition, offset: offsets[i] ?? -1, timestampMs, headers: headers?.[i] }
      this.#handle(value, key, record)
      under.timestampMs = streamTime.ms
      this.#punctuations.call('streamTime', streamTime.ms)
    })
    this.#under = undefined
    return under.out.build()
  }

  tick(nowMs: number): Chunk<K2, V2> {
    // No record brings it about, so it comes from nowhere: only its partition is known.
    const origin = { ...this.#place, keys: [null], values: [null], timestampsMs: [nowMs], offsets: [-1] }
    const under = { out: new ChunkBuilder<K2, V2>(origin), i: 0, timestampMs: nowMs }
    this.#under = under
    eachRecord(this.#context, origin, () => this.#punctuations.call('wallClock', nowMs))
    this.#under = undefined
    return under.out.build()
  }

  #forward(key: K2, value: V2, timestampMs?: number): void {
    if (!this.#under) {
      throw new RivuletError(
        'CALLBACK_FAILED',
        `"${this.#context.step}" forwards a record when none is being processed: what happens later belongs to no record`,
        { place: { step: this.#context.step } },
      )
    }
    const { out, i } = this.#under
    out.push(i, key, value, timestampMs === undefined ? this.#under.timestampMs : forwardedMs(timestampMs))
  }

  #punctuate(punctuation: Punctuation, action: (timeMs: number) => void): () => void {
    const { everyMs } = checked({ everyMs: punctuation.everyMs }, 1)
    const firstWallMs = this.#context.now() + everyMs
    // As in Kafka Streams, one by stream time is due at once if there is a record already.
    const firstStreamMs = this.#under ? 0 : undefined
    const nextMs = punctuation.by === 'wallClock' ? firstWallMs : firstStreamMs
    return this.#punctuations.add(punctuation, nextMs, action)
  }
}

function openStores<S extends StoreSpecs>(specs: S, context: OperatorContext): StoresOf<S> {
  const stores: Record<string, StateStore> = {}
  for (const [name, spec] of Object.entries(specs)) stores[name] = context.store(spec)
  return stores as StoresOf<S>
}

/** Whole ms, as Java takes them. Throws for a time before the epoch, or none. Source: Kafka Streams `Record`. */
function forwardedMs(timestampMs: number): number {
  const wholeMs = Math.trunc(timestampMs) + 0
  if (wholeMs >= 0 && wholeMs < Number.POSITIVE_INFINITY) return wholeMs
  throw new RangeError(`a record's timestamp is ms since the epoch, not ${timestampMs}`)
}
