import type { Observable } from 'rxjs'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { PlainRecord } from '../records/chunk.ts'
import type { Topic } from './topic.ts'

/** `recovering`: fetching what was missed; `waiting`: for the next try. */
export type SourceState = 'connecting' | 'live' | 'recovering' | 'waiting' | 'stopped'

/** Something that could not be decoded. It goes to the source's dead-letter topic, with the reason in headers. */
export interface DeadLetter {
  /** As they came. */
  readonly bytes: Buffer
  /** A sentence that says what is wrong with them. */
  readonly reason: string
  /** Where it was found, such as `{ device: 'sensor-7', line: '123' }`: one header each. */
  readonly place: Readonly<Record<string, string>>
  /** Where the source goes on behind them; absent: where it went on before. As `SourceOptions.position`. */
  readonly position?: unknown
}

/** Something that is missing of what the other side has. */
export interface SourceGap {
  /** The part of the source that misses it, such as one of several feeds. */
  readonly part: string
  /** The first that is missing, as the other side counts. */
  readonly from: string
  /** The last one. */
  readonly to: string
  /** How many. */
  readonly records: number
  /** Why it is given up, in a sentence; absent: it is being fetched. */
  readonly reason?: string
}

/** A record at the end of a topic. */
export interface TailRecord<K, V> extends PlainRecord<K, V> {
  /** Which of the topic's it lies in. */
  readonly partition: number
  /** How many the topic has, those without records included. */
  readonly partitions: number
}

/** What the runtime gives to a source each time it is started. */
export interface SourceContext {
  /** The environment's: whatever waits or reads time does it by this one. */
  readonly clock: Clock
  /** The environment's. */
  readonly logger: Logger
  /**
   * Whether what is downstream is full; the present state comes on subscribing. A source that goes on all the same
   * fails with `BUFFER_FULL` when the bounded buffer overflows: nothing is dropped silently.
   */
  readonly paused$: Observable<boolean>
  /**
   * How much of what the source has handed over since it was given this context, emissions and dead letters in the order of
   * their coming, is in Kafka for good with all that was made of it. What the steps left out counts like the rest. The
   * present number comes on subscribing; it completes when no more will be. Behind it, a source can acknowledge to
   * whoever sent it (MQTT, AMQP, SQS, a request's answer): what a crash cut off was not acknowledged, and comes again.
   */
  readonly acknowledged$: Observable<number>
  /**
   * The `position` (of `SourceOptions`) of what was handed over last, by whoever had the source before as well; undefined:
   * there is none. It may be of an earlier version of the program: check what it is.
   */
  readonly position: unknown
  /**
   * The records at the end of the topic, read backwards in growing steps: how a source finds where it was, also after a
   * failure: what it emitted before is among them. Stop iterating when enough was seen. Nothing comes from a topic that
   * does not exist yet, and what can't be decoded is passed over.
   *
   * Of each `partition` the newest record comes first; the partitions take turns, some 1,000 records each, then more.
   * Between partitions there is no order: each is acknowledged on its own, and a crash leaves one further than another.
   * So the newest record tells the place of its own partition alone, and a key's newest that of its key. A place that
   * is one for all, such as a position in a file, needs a topic of one partition; or it goes on behind the *smallest* of
   * the partitions' newest places (from the start where a partition has nothing), and drops what is there already.
   */
  tail<K, V>(topic: Topic<K, V>): AsyncIterable<TailRecord<K, V>>
  /** Puts away what could not be decoded, into the source's dead-letter topic; counted. */
  deadLetter(letter: DeadLetter): void
  /** Shown in `/api/pipeline` and in metrics. */
  setState(state: SourceState): void
  /** A part of the source, such as one of several feeds, that the other side refuses; the others go on. The runtime says it in the log. */
  rejected(part: string, reason: string): void
  /** A part that was refused comes after all. */
  accepted(part: string): void
  /** Shown with whether it was repaired: what it returns is to be called when all that was missing has come. */
  gap(gap: SourceGap): () => void
  /** Adds to a counter such as `duplicates`; adding 0 shows it from the start. */
  count(counter: string, by?: number): void
  /** The time of the last message, for `/api/pipeline`. */
  messageReceived(): void
}

/**
 * Any observable can be a source; one that wants to resume, to pause or to report takes the context.
 *
 * @example
 * ```ts
 * const ticks: Source<number> = ({ clock }) => timer(0, 1_000, clock.scheduler)
 * source('ticks', ticks).to(seconds)
 * ```
 */
export type Source<T> = Observable<T> | ((context: SourceContext) => Observable<T>)
