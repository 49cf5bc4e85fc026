import type { Subscription } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { KafkaAdmin, PartitionOffset } from '../kafka/types.ts'
import type { StoreChanges } from '../state/checkpoint.ts'
import type { GraphNode } from '../stream/graph.ts'
import { AsyncCalls, callingNodes } from './async-calls.ts'
import { type DeadLetterRecord, deadLetterOf } from './dead-letter.ts'
import type { Settings } from './environment.ts'
import { InputGroup } from './input-group.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import type { Layout, StoreLayout } from './layout.ts'
import { Outgoing } from './outgoing.ts'
import { encodeStreamTimes } from './stream-times.ts'
import type { Task, TaskOutput } from './task.ts'
import type { TaskProducer } from './task-producer.ts'

/** Changes of one store, as they stand in its changelog. */
export interface CommittedChanges {
  readonly store: StoreLayout
  readonly changes: StoreChanges
  /** Behind the last of them. */
  readonly changelogOffset: number
}

export interface StreamTaskOptions {
  readonly id: string
  readonly task: Task
  readonly partition: number
  readonly queues: readonly InputQueue[]
  readonly stores: readonly StoreLayout[]
  readonly producer: TaskProducer
  readonly layout: Layout
  readonly settings: Settings
  readonly admin: KafkaAdmin
  readonly deadLetter: (letter: DeadLetterRecord) => void
  /** What was committed, and with it, for each changelog, the changes of its store. */
  readonly committed: (offsets: readonly PartitionOffset[], changes: readonly CommittedChanges[]) => void
  /** Room was made in the queues. */
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

/**
 * A task of Kafka to Kafka, and its effects: what it sends, what its stores changed and how far it has read are
 * committed together. It takes records while a commit is under way; what they make belongs to the next one.
 */
export class StreamTask {
  readonly id: string
  readonly task: Task
  readonly queues: readonly InputQueue[]
  readonly #options: StreamTaskOptions
  readonly #inputs: InputGroup
  readonly #outgoing: Outgoing
  /** Of its asynchronous steps: between what the task puts out and what goes to Kafka. */
  readonly #calls: ReadonlyMap<GraphNode, AsyncCalls>
  readonly #committedOffsets = new Map<InputQueue, number>()
  #unacknowledgedBytes = 0
  /** Something was processed that is in no commit, not even in one under way. */
  #dirty = false
  #commitTimer: Subscription | undefined
  #idleTimer: Subscription | undefined
  #committing: Promise<void> | undefined
  /** A commit waits for calls: nothing more is taken, for what is taken is committed with it. */
  #settling = false
  #isRunning = false
  #resolving: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: StreamTaskOptions) {
    this.#options = options
    this.id = options.id
    this.task = options.task
    this.queues = options.queues
    this.#outgoing = new Outgoing(options.layout)
    this.#calls = this.#makeCalls()
    this.#inputs = new InputGroup(options.queues, {
      idleMsMax: options.settings.maxTaskIdleMs,
      now: () => options.settings.clock.now(),
      bad: (queue, record) => this.#bad(queue, record),
    })
    for (const queue of options.queues) this.#committedOffsets.set(queue, queue.position)
  }

  /** Something was processed that is not committed. */
  get isDirty(): boolean {
    return this.#dirty || this.#committing !== undefined
  }

  committedOffset(queue: InputQueue): number {
    // Behind the last record there may be nothing but transaction markers: there is nothing left to commit for them.
    const isCommitted = !this.#dirty && !this.#committing
    return isCommitted ? queue.position : (this.#committedOffsets.get(queue) ?? 0)
  }

  /** Works off what waits in its queues, as far as there is room for what comes of it. */
  run(): void {
    if (this.#isRunning) return // an answer that came at once
    this.#isRunning = true
    this.#idleTimer?.unsubscribe()
    try {
      while (!this.#stopped && !this.#settling && this.#hasRoom()) {
        const next = this.#inputs.next(this.#callsMax())
        if (!next) break
        this.task.process(next.queue.input.node, next.chunk)
        this.#collect()
        this.#touch()
      }
      this.#flush()
    } catch (error) {
      this.#fail(error)
      return
    } finally {
      this.#isRunning = false
    }
    this.#options.worked()
    this.#waitForProducers()
  }

  advanceWallClock(nowMs: number): void {
    if (this.#stopped) return
    try {
      this.task.advanceWallClock(nowMs)
      if (this.#collect()) this.#touch()
      this.#flush()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Commits what was processed until now. */
  async commit(): Promise<void> {
    while (this.#committing) await this.#committing
    if (!this.#dirty) return
    this.#commitTimer?.unsubscribe()
    this.#commitTimer = undefined
    this.#committing = this.#commit()
    try {
      await this.#committing
    } finally {
      this.#committing = undefined
    }
    this.run()
  }

  /** Processes nothing more, commits what was processed, and gives up the producer. */
  async close(): Promise<void> {
    this.#stop()
    while (this.#committing) await this.#committing
    if (this.#dirty) await this.#commit()
    await this.#options.producer.close()
  }

  /** Gives everything up that is not committed. */
  async abandon(): Promise<void> {
    this.#stop()
    this.#giveUpCalls(new RivuletError('INTERNAL', `task ${this.id} is given up`))
    await this.#options.producer.close()
  }

  #stop(): void {
    this.#stopped = true
    this.#commitTimer?.unsubscribe()
    this.#idleTimer?.unsubscribe()
  }

  async #commit(): Promise<void> {
    const { producer, stores } = this.#options
    this.#settling = true
    while (this.#isCalling() || this.#outgoing.unknownTopics().length > 0) {
      await Promise.all([...this.#calls.values()].map((calls) => calls.settled()))
      await this.#resolveTopics()
    }
    this.#settling = false
    // From here to the first `await` nothing else runs: outputs, changes and offsets are those of the same records.
    this.#dirty = false
    this.#sendOutgoing()
    const changelogs = Promise.all(
      stores.filter(({ isChangelog }) => isChangelog).map((store) => this.#sendChanges(store)),
    )
    changelogs.catch(() => undefined) // then the commit rejects
    const metadata = encodeStreamTimes(this.task.streamTimes)
    const offsets = this.queues.map(({ input, partition, position }) => {
      return { topic: input.topic, partition, offset: position, metadata }
    })
    const positions = new Map(this.queues.map((queue) => [queue, queue.position]))
    await producer.commit(offsets)
    for (const [queue, position] of positions) this.#committedOffsets.set(queue, position)
    this.#options.committed(offsets, (await changelogs).flat())
  }

  /** Sends what changed in a store since the last commit; nothing, where nothing did. */
  async #sendChanges(store: StoreLayout): Promise<readonly CommittedChanges[]> {
    const keys: Buffer[] = []
    const values: (Buffer | null)[] = []
    const timestampsMs: number[] = []
    this.task.stores.get(store.spec.name)?.drainChanges((key, value, timestampMs) => {
      keys.push(key)
      values.push(value)
      timestampsMs.push(Math.max(0, timestampMs)) // Kafka has no time before the epoch
    })
    if (keys.length === 0) return []
    const changes = { keys, values, timestampsMs }
    const { baseOffset } = await this.#options.producer.send(store.topic, this.#options.partition, changes)
    return [{ store, changes, changelogOffset: baseOffset + keys.length }]
  }

  /** Takes over what the task has put out; whether there was anything. */
  #collect(): boolean {
    const outputs = this.task.takeOutputs()
    for (const output of outputs) {
      const calls = this.#calls.get(output.node)
      if (calls) calls.push(output.chunk)
      else this.#outgoing.add(output)
    }
    return outputs.length > 0
  }

  #flush(): void {
    if (this.#committing || this.#outgoing.bytes === 0) return
    if (this.#outgoing.unknownTopics().length === 0) this.#sendOutgoing()
    else this.#resolving = this.#resolving.then(() => this.#resolveTopics()).then(() => this.#flush())
  }

  #sendOutgoing(): void {
    for (const { topic, partition, records, bytes } of this.#outgoing.take()) {
      this.#unacknowledgedBytes += bytes
      this.#options.producer.send(topic, partition, records).then(
        () => {
          const hadRoom = this.#hasRoom()
          this.#unacknowledgedBytes -= bytes
          if (!hadRoom && this.#hasRoom()) this.run()
        },
        (error) => this.#fail(error),
      )
    }
  }

  /** Topics that records chose: how many partitions they have is asked when they are first met. */
  async #resolveTopics(): Promise<void> {
    const { admin } = this.#options
    const names = this.#outgoing.unknownTopics()
    if (names.length === 0) return
    const counts = await admin.ensureTopics(
      names.map((name) => ({ name, partitions: 1, config: { 'retention.ms': '-1' } })),
    )
    for (const [name, count] of counts) this.#outgoing.resolve(name, count)
  }

  #makeCalls(): ReadonlyMap<GraphNode, AsyncCalls> {
    const { task, settings } = this.#options
    return new Map(
      callingNodes(task.subTopology).map((node) => {
        const calls = new AsyncCalls({
          node,
          clock: settings.clock,
          answered: (chunk) => this.#answered({ node, chunk }),
          failed: (error) => {
            const outcome = settings.onCallbackError(error)
            if (outcome === 'fail') this.#fail(error)
            else task.dropped.set('callback-failed', (task.dropped.get('callback-failed') ?? 0) + 1)
            return outcome
          },
        })
        return [node, calls]
      }),
    )
  }

  #answered(output: TaskOutput): void {
    try {
      this.#outgoing.add(output)
      if (!this.#isRunning) this.#flush()
    } catch (error) {
      this.#fail(error)
    }
    this.run()
  }

  #isCalling(): boolean {
    return [...this.#calls.values()].some(({ waiting }) => waiting > 0)
  }

  /** How many records may be taken now: few enough that a commit need not wait for long. */
  #callsMax(): number {
    let max = Number.POSITIVE_INFINITY
    for (const { room } of this.#calls.values()) max = Math.min(max, room)
    return max
  }

  #giveUpCalls(reason: unknown): void {
    for (const calls of this.#calls.values()) calls.close(reason)
  }

  #hasRoom(): boolean {
    for (const { room } of this.#calls.values()) if (room <= 0) return false
    return this.#unacknowledgedBytes + this.#outgoing.bytes < this.#options.settings.bytesUnsentMax
  }

  /** Something happened that wants a commit. */
  #touch(): void {
    this.#dirty = true
    const { clock, commitIntervalMs } = this.#options.settings
    this.#commitTimer ??= clock.scheduler.schedule(() => {
      this.commit().catch((error) => this.#fail(error))
    }, commitIntervalMs)
  }

  #waitForProducers(): void {
    const untilMs = this.#inputs.waitsUntilMs
    if (untilMs === undefined || this.#stopped) return
    const { clock } = this.#options.settings
    this.#idleTimer = clock.scheduler.schedule(() => this.run(), Math.max(1, untilMs - clock.now()))
  }

  #bad(queue: InputQueue, record: BadRecord): void {
    const letter = deadLetterOf(queue, record, this.#options.settings.onDecodeError)
    const { topic, key, value, timestampMs, headers } = letter
    this.#outgoing.addRecord(topic, 0, key, value, timestampMs, headers)
    this.#touch()
    this.#options.deadLetter(letter)
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stop()
    this.#giveUpCalls(error)
    this.#options.failed(error)
  }
}
