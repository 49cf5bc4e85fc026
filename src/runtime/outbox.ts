import { RivuletError } from '../errors.ts'
import type { KafkaProducer } from '../kafka/types.ts'
import type { Chunk } from '../records/chunk.ts'
import type { RepartitionNode, TopicSinkNode } from '../stream/graph.ts'
import type { DeadLetterRecord } from './dead-letter.ts'
import type { Destination } from './destination.ts'
import { failedRecord, type UnwrittenRecord } from './failed-record.ts'
import type { InstanceContext } from './instance-context.ts'
import { openDestinations } from './open-destinations.ts'
import type { OriginColumns } from './origin-columns.ts'
import type { OutgoingColumns } from './outgoing-columns.ts'
import { OutgoingRoute, unwritable } from './outgoing-route.ts'
import { OutgoingTopic } from './outgoing-topic.ts'
import type { Task, TaskOutput } from './task.ts'

type AnyDestination = Destination<unknown, unknown>

/** Each is read again from its topic: as many as are bearable at once. */
const lettersAwaitedMax = 100

export interface OutboxOptions {
  readonly context: Pick<InstanceContext, 'layout' | 'settings' | 'logger'>
  readonly producer: Pick<KafkaProducer, 'send'>
  /** Whose records they are: what can't be written is left out there; absent: it fails. */
  readonly task?: Pick<Task, 'leaveOut'>
  /** There may be room again: Kafka has acknowledged something, or what waited for its topic no longer does. */
  readonly roomMade: () => void
  /** Something can't be sent. Told once; nothing more is sent then. */
  readonly failed: (error: unknown) => void
}

/** Records of one step that are not serialized yet. */
interface Parcel {
  readonly route: OutgoingRoute
  readonly chunk: Chunk<unknown, unknown>
  /** One for all records, or one for each. */
  readonly destinations: readonly (AnyDestination | undefined)[]
  /** For the records without key: all of them go to one partition. */
  readonly keyless: number
}

interface Waiter {
  readonly isDone: () => boolean
  resolve(): void
  reject(reason: unknown): void
}

/**
 * What has left a task and is not acknowledged by Kafka: serialized, and by partition, as Java's producer chooses it.
 *
 * A topic is opened before its first record: it is asked how many partitions it has, where a record chose it (then it
 * is made where it is missing), and its serdes are prepared. Meanwhile it is full, and what is added waits in order.
 *
 * It holds a record from `add` until Kafka acknowledges it; what was refused, or was never answered, it holds for ever.
 * It takes what it is given also when it is full: whoever gives must stop. It ends with what can't be sent, or by
 * `abandon`: then it sends nothing more, and whoever waits for it is told why.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #routes = new Map<TopicSinkNode | RepartitionNode, OutgoingRoute>()
  readonly #topics = new Map<string, OutgoingTopic>()
  /** Not empty, and not sent. */
  #filled: OutgoingColumns[] = []
  /** Added before their topics were open, or behind such. */
  readonly #waiting: Parcel[] = []
  readonly #ended = new AbortController()
  #waiters: Waiter[] = []
  #records = 0
  #bytes = 0
  #keyless = 0
  #isHeld = false
  /** Dead letters that are being made. */
  #lettersAwaited = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** How many records it holds. */
  get records(): number {
    return this.#records
  }

  /** No more should be added now. */
  get isFull(): boolean {
    const { bytesUnsentMax } = this.#options.context.settings
    return (
      this.#bytes >= bytesUnsentMax || this.#waiting.length > 0 || this.#lettersAwaited >= lettersAwaitedMax
    )
  }

  /**
   * Whether `hold` gives a commit all that belongs to it: the topics of all that was added are open, dead letters are
   * made, and, where somebody decides on what Kafka refuses, nothing is left that it might refuse.
   */
  get isResolved(): boolean {
    if (this.#waiting.length > 0 || this.#lettersAwaited > 0) return false
    return !this.#isDecided || this.#records === 0
  }

  /** Whether somebody decides on what can't be written. */
  get #isDecided(): boolean {
    const { context, task } = this.#options
    return context.settings.onProductionError !== undefined && task !== undefined
  }

  /** Takes over what has left a task. Throws for a record that can't be written, with its place, and must not be left out. */
  add({ node, chunk }: TaskOutput): void {
    if (node.type === 'external-sink')
      throw new RivuletError('INTERNAL', `"${node.name}" is a sink: its records do not go to Kafka`)
    const route = this.#routeOf(node)
    const destinations = route.destinationsOf(chunk, this.#unwritten)
    const parcel = { route, chunk, destinations, keyless: route.keylessOf(chunk) ?? ++this.#keyless }
    this.#records += chunk.keys.length
    if (this.#waiting.length > 0) this.#waiting.push(parcel)
    else if (isOpen(parcel)) this.#write(parcel)
    else {
      this.#waiting.push(parcel)
      this.#openWaiting().catch((error) => this.#fail(error))
    }
  }

  /** Takes over a dead letter: its bytes are what they are, and its topic has been made with the others. */
  addLetter({ topic, key, value, timestampMs, headers }: DeadLetterRecord): void {
    this.#records++
    const columns = this.#topic(topic).columnsOf(0)
    if (columns.length === 0) this.#filled.push(columns)
    this.#bytes += columns.push(key, value, timestampMs, headers)
  }

  /** The same for one that is to be made: until then nothing is committed. */
  addLetterOnceMade(made: Promise<DeadLetterRecord>): void {
    this.#lettersAwaited++
    made.then(
      (letter) => {
        this.#lettersAwaited--
        if (this.#ended.signal.aborted) return
        this.addLetter(letter)
        this.flush()
        this.#tellWaiters()
        this.#options.roomMade()
      },
      (error) => this.#fail(error),
    )
  }

  /** Sends what it has, as far as topics are open; nothing while it is held. */
  flush(): void {
    if (this.#isHeld || this.#ended.signal.aborted) return
    const filled = this.#filled
    this.#filled = []
    for (const columns of filled) this.#send(columns)
  }

  /**
   * Sends what it has, and then nothing until `release`: what is added meanwhile belongs to the next commit. To be
   * called when it is resolved. Throws the reason when it has ended: there is nothing whole to be committed.
   */
  hold(): void {
    this.#ended.signal.throwIfAborted()
    this.flush()
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
  }

  /** Resolves when it is resolved; rejects when it has ended. */
  resolved(): Promise<void> {
    return this.#until(() => this.isResolved)
  }

  /** Resolves when all that was added is acknowledged; rejects when it has ended. */
  settled(): Promise<void> {
    return this.#until(() => this.#records === 0)
  }

  /** Sends nothing more; what is under way is nobody's. */
  abandon(reason: unknown): void {
    this.#ended.abort(reason)
    this.#tellWaiters()
  }

  #routeOf(node: TopicSinkNode | RepartitionNode): OutgoingRoute {
    let route = this.#routes.get(node)
    if (!route) {
      const { layout } = this.#options.context
      route = new OutgoingRoute({ node, layout, topic: (name) => this.#topic(name) })
      this.#routes.set(node, route)
    }
    return route
  }

  #topic(name: string): OutgoingTopic {
    let topic = this.#topics.get(name)
    if (!topic) {
      const { partitionCounts } = this.#options.context.layout
      topic = new OutgoingTopic(name, partitionCounts.get(name), this.#isDecided)
      this.#topics.set(name, topic)
    }
    return topic
  }

  #write({ route, chunk, destinations, keyless }: Parcel): void {
    const unwritten = this.#unwritten
    this.#bytes += route.write(chunk, { destinations, keyless, filled: this.#filled, unwritten })
  }

  /** Opens the topics of what waits, and of what comes to wait meanwhile. */
  async #openWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const destinations = new Set(this.#waiting.flatMap((parcel) => parcel.destinations))
      const closed = [...destinations].flatMap((each) => (each && !each.isOpen ? each : []))
      await openDestinations(closed, { context: this.#options.context, signal: this.#ended.signal })
      if (this.#ended.signal.aborted) return
      while (this.#waiting[0] && isOpen(this.#waiting[0])) this.#write(this.#waiting.shift() as Parcel)
    }
    this.flush()
    this.#tellWaiters()
    this.#options.roomMade()
  }

  #send(columns: OutgoingColumns): void {
    const { topic, partition, length, bytes, origins } = columns
    const refused = origins && ((i: number, error: RivuletError) => this.#refused(topic, origins, i, error))
    this.#options.producer.send(topic, partition, columns.take(), refused).then(
      () => this.#acknowledged(length, bytes),
      (error) => this.#fail(error),
    )
  }

  /** A record of a parcel can't be serialized. */
  readonly #unwritten = (error: RivuletError, record: UnwrittenRecord): void => {
    this.#decide(error, record)
    this.#records--
  }

  /** Leaves a record out that can't be written; throws where that must not be. */
  #decide(error: RivuletError, record: UnwrittenRecord): void {
    const { context, task } = this.#options
    const outcome = context.settings.onProductionError?.(error, record) ?? 'fail'
    if (outcome === 'fail' || !task) throw error
    task.leaveOut('production-failed', outcome === 'dead-letter' ? { error, record } : undefined)
  }

  /** Kafka refuses a record that was sent. */
  #refused(destination: string, origins: OriginColumns, i: number, error: RivuletError): void {
    if (this.#ended.signal.aborted) return
    try {
      const origin = origins.at(i)
      if (!origin) throw error
      const { step, chunk, index } = origin
      this.#decide(unwritable(step, error, chunk, index), {
        ...failedRecord(step, chunk, index),
        destination,
      })
    } catch (failure) {
      this.#fail(failure)
    }
  }

  #acknowledged(records: number, bytes: number): void {
    this.#records -= records
    this.#bytes -= bytes
    this.#tellWaiters()
    if (!this.#ended.signal.aborted) this.#options.roomMade()
  }

  #fail(error: unknown): void {
    if (this.#ended.signal.aborted) return
    this.abandon(error)
    this.#options.failed(error)
  }

  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isDone, resolve, reject })
      this.#tellWaiters()
    })
  }

  #tellWaiters(): void {
    const { aborted, reason } = this.#ended.signal
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (aborted) waiter.reject(reason)
      else if (waiter.isDone()) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }
}

function isOpen({ destinations }: Parcel): boolean {
  return destinations.every((destination) => destination?.isOpen !== false)
}
