import { join } from 'node:path'
import { Subject, type Subscription } from 'rxjs'
import { messageOf, RivuletError } from '../errors.ts'
import { partitionFor } from '../kafka/partitioner.ts'
import type {
  AssignedPartition,
  ConsumerEvent,
  KafkaConsumer,
  KafkaProducer,
  PartitionOffset,
  TopicPartition,
} from '../kafka/types.ts'
import type { Logger } from '../logger.ts'
import { Checkpoint } from '../state/checkpoint.ts'
import type { StoreParts } from '../state/query.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import { BytesColumn } from '../stream/bytes-column.ts'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { SinkWriter } from '../stream/sink.ts'
import type { Topology } from '../stream/topology.ts'
import { ChangelogTrim } from './changelog-trim.ts'
import { type DeadLetterRecord, deadLetterOf } from './dead-letter.ts'
import type { Settings } from './environment.ts'
import type { RuntimeEvent } from './events.ts'
import { followGlobalTables } from './global-tables.ts'
import { type BadRecord, InputQueue } from './input-queue.ts'
import { type InputLayout, type Layout, layOut, type SubTopologyLayout } from './layout.ts'
import { PartitionFeed } from './partition-feed.ts'
import { restoreStore } from './restore.ts'
import { SinkTask } from './sink-task.ts'
import { SourceTask } from './source-task.ts'
import { Statistics } from './statistics.ts'
import { type CommittedChanges, StreamTask } from './stream-task.ts'
import { restoreStreamTimes } from './stream-times.ts'
import { Task } from './task.ts'
import { keyOf, taskAssignor } from './task-assignor.ts'
import { atLeastOnce, exactlyOnce, type TaskProducer } from './task-producer.ts'

/** A task from the moment that its partitions are here. */
interface Slot {
  readonly id: string
  readonly layout: SubTopologyLayout
  readonly partition: number
  readonly inputs: readonly InputLayout[]
  readonly abort: AbortController
  readonly checkpoints: Map<string, Checkpoint>
  /** By changelog, of stores that forget. */
  readonly trims: Map<string, ChangelogTrim>
  started: Promise<void>
  running: StreamTask | SinkTask | undefined
}

/** An external system that is away must not keep the sources from writing to Kafka. */
const SINKS_CHECK_MS_MAX = 3_000
const LETTERS_TOLD_MAX = 10
const WALL_CLOCK_INTERVAL_MS = 1_000
/** As Kafka Streams' `repartition.purge.interval.ms`. */
const PURGE_INTERVAL_MS = 30_000
/** Longer than a heartbeat, so that the group has heard of what has changed. */
const REJOIN_WAIT_MS = 1_500

/**
 * How stopping went. `drained`: everything that was read is written and committed. `sinks-behind`: Kafka has all of it,
 * but an external system did not take it in time. `cut-off`: Kafka did not take all of it in time.
 */
export type StopOutcome = 'drained' | 'sinks-behind' | 'cut-off'

/** A topology that runs on Kafka, from start to stop; what it can't go on with ends it. */
export class Instance {
  readonly events$ = new Subject<RuntimeEvent>()
  readonly #topology: Topology
  readonly #settings: Settings
  readonly #logger: Logger
  readonly #statistics: Statistics
  /** Aborted when it is over, in whatever way. */
  readonly #over = new AbortController()
  readonly #feeds = new Map<string, PartitionFeed>()
  readonly #slots = new Map<string, Slot>()
  readonly #globalStores = new Map<string, StateStore>()
  readonly #globalTasks: Task[] = []
  readonly #sources: SourceTask[] = []
  /** Opening may take until an external system is back: its tasks wait, the others go on. */
  readonly #writers = new Map<ExternalSinkNode, Promise<SinkWriter<unknown, unknown>>>()
  readonly #openWriters = new Map<ExternalSinkNode, SinkWriter<unknown, unknown>>()
  readonly #shownOffsets = new Map<string, PartitionOffset>()
  #layout: Layout | undefined
  #consumer: KafkaConsumer | undefined
  #membership: Subscription | undefined
  #producer: KafkaProducer | undefined
  #globals: Subscription | undefined
  #wallClock: Subscription | undefined
  #isStarted = false
  #lettersTold = 0
  #purgedMs = 0
  #rejoining: Promise<void> | undefined
  #stopping: Promise<StopOutcome> | undefined

  constructor(topology: Topology, settings: Settings) {
    this.#topology = topology
    this.#settings = settings
    this.#logger = settings.logger.child({ topology: topology.name })
    this.#statistics = new Statistics(topology)
  }

  start(): void {
    this.#start().catch((error) => this.#fail(error))
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  get statistics(): Statistics {
    return this.#statistics
  }

  get sources(): readonly SourceTask[] {
    return this.#sources
  }

  /** This instance's parts of a store, by task. */
  stores(name: string): StateStore[] {
    const global = this.#globalStores.get(name)
    if (global) return [global]
    const stores: StateStore[] = []
    for (const { running } of this.#slots.values()) {
      const store = running?.task.stores.get(name)
      if (store) stores.push(store)
    }
    return stores
  }

  /** This instance's parts of a store, for questions: none of them before it is as it was left. */
  storeParts(store: StoreSpec): StoreParts {
    const { name } = store
    const isReady = () => {
      if (!this.#isStarted || this.#rejoining || this.#over.signal.aborted) return false
      return this.#slotsWith(store).every(({ running }) => running)
    }
    return {
      here: () => {
        if (isReady()) return this.stores(name)
        const message = `the store "${name}" can't be asked now: its tasks start, move or have stopped`
        throw new RivuletError('NOT_READY', message, { retryable: true, place: { step: name } })
      },
      holds: (key) => {
        const slots = this.#slotsWith(store)
        const count = slots[0]?.layout.tasks ?? 0
        return (
          this.#globalStores.has(name) || slots.some((slot) => slot.partition === partitionFor(key, count))
        )
      },
    }
  }

  #slotsWith(store: StoreSpec): readonly Slot[] {
    return [...this.#slots.values()].filter(({ layout }) =>
      layout.subTopology.nodes.some((node) => node.type === 'operator' && node.stores.includes(store)),
    )
  }

  /** Records that were fetched and are not processed yet. */
  get bufferedRecords(): number {
    let records = 0
    for (const { running } of this.#slots.values())
      for (const queue of running?.queues ?? []) records += queue.records
    return records
  }

  /** Where this instance's partitions stand; of several tasks that read one, where the last one is. */
  partitions(): { topic: string; partition: number; endOffset: number; committed: number }[] {
    const behind = new Map<string, number>()
    for (const { running } of this.#slots.values()) {
      for (const queue of running?.queues ?? []) {
        const key = keyOf({ topic: queue.input.topic, partition: queue.partition })
        const committed = running?.committedOffset(queue) ?? 0
        behind.set(key, Math.min(committed, behind.get(key) ?? committed))
      }
    }
    return [...this.#feeds].flatMap(([key, { topic, partition, endOffset }]) => {
      const committed = behind.get(key)
      if (committed === undefined) return []
      return [{ topic, partition, endOffset: Math.max(endOffset, committed), committed }]
    })
  }

  /** What a start still waits for; undefined: it is started. */
  get waitsFor(): string | undefined {
    if (this.#isStarted) return undefined
    if (!this.#layout) return 'Kafka has not given the topics yet'
    const closed = [...this.#writers.keys()].find((node) => !this.#openWriters.has(node))
    return closed ? `${closed.sink.name} is not open yet` : 'State is being restored'
  }

  /** Reads nothing more, writes and commits what was read, and is done; at the latest when the time is up. */
  stop(): Promise<StopOutcome> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  // --- start ---

  async #start(): Promise<void> {
    const { kafka, clock, topicPrefix } = this.#settings
    this.#checkConnections()
    const layout = await layOut(this.#topology, topicPrefix, kafka.admin)
    this.#layout = layout
    this.#openSinks(layout)
    await this.#readGlobals(layout)
    await this.#checkRemembered(layout)
    if (this.#over.signal.aborted || this.#stopping) {
      this.#globals?.unsubscribe()
      return
    }
    // No waiting from here on: who stops it now finds all of it, who did before finds nothing read.
    if (this.#settings.sources) this.#startSources(layout)
    this.#wallClock = clock.scheduler.schedule(() => this.#tick(), WALL_CLOCK_INTERVAL_MS)
    if (tasksOf(layout).length > 0) this.#join(layout)
    else this.#started()
  }

  #checkConnections(): void {
    for (const node of this.#topology.nodes) {
      if (node.type !== 'external-sink' || node.sink.connection in this.#settings.connections) continue
      const message = `"${node.name}" needs the connection "${node.sink.connection}", which the environment does not have`
      throw new RivuletError('BAD_CONFIG', message, { place: { step: node.name } })
    }
  }

  #openSinks(layout: Layout): void {
    const { clock, connections } = this.#settings
    const context = { clock, logger: this.#logger, signal: this.#over.signal }
    // One after the other: the first one tells whether the external system is there at all.
    let before: Promise<unknown> = Promise.resolve()
    for (const { subTopology } of layout.subTopologies) {
      if (subTopology.kind !== 'sink') continue
      const { sink } = subTopology.sink
      const opened = before.then(() => sink.open(connections[sink.connection], context))
      this.#writers.set(subTopology.sink, opened)
      opened.then(
        (writer) => this.#openWriters.set(subTopology.sink, writer),
        (error) => this.#fail(error),
      )
      before = opened
    }
  }

  /**
   * Whoever remembers more of a topic than it has (its end was lost, or it was made anew) must be heard before anything
   * is appended: later the topic would have that offset again, and what lies there would be taken for known. A sink
   * that can't be asked soon is not waited for.
   */
  async #checkRemembered(layout: Layout): Promise<void> {
    const { kafka, clock } = this.#settings
    const over = this.#over.signal
    const check = async (
      { tasks, inputs }: SubTopologyLayout,
      by: string,
      offsetOf: (topic: string, partition: number) => number | undefined | Promise<number | undefined>,
    ) => {
      for (const { topic } of inputs) {
        const ranges = await kafka.admin.offsets(topic)
        for (let partition = 0; partition < tasks; partition++) {
          const range = ranges.find((each) => each.partition === partition)
          const offset = await offsetOf(topic, partition)
          if (range) checkRemembered(topic, range, offset, by)
        }
      }
    }
    const streams = layout.subTopologies.filter(({ subTopology }) => subTopology.kind === 'stream')
    const topics = new Set(streams.flatMap(({ inputs }) => inputs.map(({ topic }) => topic)))
    const committed = await kafka.admin.committedOffsets(layout.application, [...topics])
    for (const stream of streams) {
      await check(stream, 'the group', (topic, partition) => {
        return committed.find((each) => each.topic === topic && each.partition === partition)?.offset
      })
    }
    const sinksChecked = Promise.all(
      layout.subTopologies.map(async (sub) => {
        if (sub.subTopology.kind !== 'sink') return
        const { sink } = sub.subTopology
        const writer = await this.#writers.get(sink)
        await check(sub, sink.sink.name, (topic, partition) => writer?.resumeOffset(topic, partition))
      }),
    )
    const waited = new AbortController()
    await Promise.race([
      sinksChecked,
      clock.sleep(SINKS_CHECK_MS_MAX, AbortSignal.any([waited.signal, over])).catch(() => undefined),
    ]).finally(() => waited.abort())
    sinksChecked.catch((error) => this.#fail(error))
  }

  async #readGlobals(layout: Layout): Promise<void> {
    const inputs = layout.subTopologies
      .filter(({ subTopology }) => subTopology.kind === 'global')
      .flatMap((global) => {
        const task = this.#makeTask(global)
        this.#globalTasks.push(task)
        for (const [name, store] of task.stores) this.#globalStores.set(name, store)
        return global.inputs.map((input) => ({ ...input, task }))
      })
    this.#globals = await followGlobalTables(this.#settings.kafka, inputs, {
      failed: (error) => this.#fail(error),
      undecodable: (topic, count) => {
        this.#statistics.count('dead_letters', count)
        this.#logger.warn(
          { topic, count },
          `records of the global table "${topic}" can't be decoded: left out`,
        )
      },
    })
  }

  #startSources(layout: Layout): void {
    const { kafka } = this.#settings
    for (const sub of layout.subTopologies) {
      if (sub.subTopology.kind !== 'source') continue
      const source = new SourceTask({
        node: sub.subTopology.source,
        task: this.#makeTask(sub),
        kafka,
        producer: this.#plainProducer(),
        layout,
        settings: this.#settings,
        logger: this.#logger,
        count: (counter, by) => this.#statistics.count(counter, by),
        failed: (error) => this.#fail(error),
      })
      this.#sources.push(source)
      this.#statistics.taskStarted(source.task, sub.subTopology.id)
      source.start()
    }
  }

  #join(layout: Layout): void {
    const topics = new Set(tasksOf(layout).flatMap(({ inputs }) => inputs.map(({ topic }) => topic)))
    const consumer = this.#settings.kafka.consumer({
      groupId: layout.application,
      topics: [...topics],
      partitionFetchBytesMax: this.#settings.partitionFetchBytesMax,
      assignor: taskAssignor(layout, () => [...this.#feeds.values()]),
    })
    this.#consumer = consumer
    this.#membership = consumer.events$.subscribe({
      next: (event) => this.#onEvent(event, layout, consumer),
      error: (error) => this.#fail(error),
    })
  }

  /**
   * Somebody else has taken over a task that this instance believed its own, or a transaction was open for too long:
   * what was not committed is given up, and the group is asked again who has what.
   */
  async #rejoin(error: RivuletError, layout: Layout): Promise<void> {
    this.#logger.warn({ ...error.place }, `${error.message}; joining the group again`)
    const slots = [...this.#slots.values()]
    this.#feeds.clear()
    await Promise.all(slots.map((slot) => this.#stopSlot(slot, 'abandon')))
    await this.#consumer?.close()
    await this.#settings.clock.sleep(REJOIN_WAIT_MS, this.#over.signal)
    this.#rejoining = undefined
    if (!this.#stopping) this.#join(layout)
  }

  #started(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.events$.next({ type: 'started' })
  }

  // --- the group ---

  #onEvent(event: ConsumerEvent, layout: Layout, consumer: KafkaConsumer): void {
    switch (event.type) {
      case 'fetched':
        this.#onFetched(event)
        break
      case 'assigned':
        this.#onAssigned(event.partitions, layout, consumer)
        break
      case 'revoking':
        this.#release(event.partitions, 'close')
          .catch((error) => this.#fail(error))
          .then(() => event.done())
        break
      case 'lost':
        this.#release(event.partitions, 'abandon').catch((error) => this.#fail(error))
        break
      case 'skipped':
        this.#onSkipped(event)
    }
  }

  #onFetched(event: Extract<ConsumerEvent, { type: 'fetched' }>): void {
    const { topic, partition } = event.chunk
    const feed = this.#feeds.get(keyOf({ topic, partition }))
    if (!feed) return
    feed.push(event)
    for (const { running } of this.#slotsOf(feed)) running?.run()
  }

  /** The topic's retention was faster than its reader: what is gone is counted, and the tasks go on behind it. */
  #onSkipped({ topic, partition, fromOffset, toOffset }: Extract<ConsumerEvent, { type: 'skipped' }>): void {
    if (toOffset < fromOffset) {
      const message = `${topic}/${partition} was read up to ${fromOffset}, and ends at ${toOffset} now: the topic was cut or made anew`
      this.#fail(
        new RivuletError('KAFKA_FAILED', message, { place: { topic, partition, offset: fromOffset } }),
      )
      return
    }
    this.#statistics.count('records_deleted_unread', toOffset - fromOffset)
    const feed = this.#feeds.get(keyOf({ topic, partition }))
    const [keys, values] = [new BytesColumn(), new BytesColumn()]
    const chunk = { topic, partition, keys, values, timestampsMs: [], offsets: [] }
    feed?.push({ chunk, nextOffset: toOffset, endOffset: Math.max(toOffset, feed.endOffset) })
  }

  #onAssigned(partitions: readonly AssignedPartition[], layout: Layout, consumer: KafkaConsumer): void {
    for (const { topic, partition } of partitions) {
      const readers = tasksOf(layout).filter(({ inputs }) => inputs.some((input) => input.topic === topic))
      const input = readers[0]?.inputs.find((each) => each.topic === topic)
      if (!input) continue
      const { recordsBufferedMax } = this.#settings
      const feed = new PartitionFeed(input, partition, {
        readers: readers.length,
        consumer,
        recordsBufferedMax,
      })
      this.#feeds.set(keyOf(feed), feed)
    }
    const begun = tasksOf(layout).flatMap((sub) => this.#startTasks(sub, layout, consumer))
    Promise.all(begun).then(() => {
      if (!this.#over.signal.aborted) this.#started()
    })
  }

  /** Starts the tasks whose partitions are all here now. */
  #startTasks(sub: SubTopologyLayout, layout: Layout, consumer: KafkaConsumer): Promise<void>[] {
    const begun: Promise<void>[] = []
    for (let partition = 0; partition < sub.tasks; partition++) {
      const id = `${sub.subTopology.id}_${partition}`
      const inputs = sub.inputs.filter((input) => partition < input.partitions)
      if (this.#slots.has(id) || !inputs.every(({ topic }) => this.#feeds.has(keyOf({ topic, partition }))))
        continue
      const slot: Slot = {
        id,
        layout: sub,
        partition,
        inputs,
        abort: new AbortController(),
        checkpoints: new Map(),
        trims: new Map(),
        started: Promise.resolve(),
        running: undefined,
      }
      this.#slots.set(id, slot)
      slot.started = this.#startSlot(slot, layout, consumer).catch((error) => {
        if (!slot.abort.signal.aborted) this.#fail(error)
      })
      begun.push(slot.started)
    }
    return begun
  }

  async #startSlot(slot: Slot, layout: Layout, consumer: KafkaConsumer): Promise<void> {
    const { id, partition } = slot
    const running =
      slot.layout.subTopology.kind === 'sink'
        ? await this.#makeSinkTask(slot, slot.layout.subTopology.sink, consumer)
        : await this.#makeStreamTask(slot, layout, consumer)
    slot.abort.signal.throwIfAborted()
    slot.running = running
    this.#statistics.taskStarted(running.task, slot.layout.subTopology.id)
    for (const queue of running.queues)
      this.#feeds.get(keyOf({ topic: queue.input.topic, partition }))?.attach(queue)
    this.#logger.debug({ task: id }, 'task started')
  }

  /** Takes the partitions out of work, with the tasks that read them. */
  async #release(partitions: readonly TopicPartition[], how: 'close' | 'abandon'): Promise<void> {
    const slots = new Set<Slot>()
    for (const of of partitions) {
      const feed = this.#feeds.get(keyOf(of))
      if (!feed) continue
      this.#feeds.delete(keyOf(of))
      for (const slot of this.#slotsOf(feed)) slots.add(slot)
    }
    await Promise.all([...slots].map((slot) => this.#stopSlot(slot, how)))
  }

  async #stopSlot(slot: Slot, how: 'close' | 'abandon'): Promise<void> {
    slot.abort.abort(new RivuletError('INTERNAL', `task ${slot.id} is taken away`))
    await slot.started
    const { running } = slot
    if (running) {
      for (const feed of this.#feeds.values()) for (const queue of running.queues) feed.detach(queue)
      this.#statistics.taskStopped(running.task)
    }
    try {
      await (how === 'close' ? running?.close() : running?.abandon())
    } finally {
      this.#slots.delete(slot.id)
      for (const checkpoint of slot.checkpoints.values()) await checkpoint.close()
    }
    this.events$.next({ type: 'task-stopped', task: slot.id })
  }

  #slotsOf({ topic, partition }: TopicPartition): Slot[] {
    return [...this.#slots.values()].filter(
      (slot) => slot.partition === partition && slot.inputs.some((input) => input.topic === topic),
    )
  }

  // --- tasks ---

  #makeTask({ subTopology }: SubTopologyLayout): Task {
    const { clock, emitIntervalMs, onCallbackError } = this.#settings
    return new Task({
      subTopology,
      now: () => clock.now(),
      emitIntervalMs,
      onCallbackError,
      globalStores: this.#globalStores,
    })
  }

  async #makeStreamTask(slot: Slot, layout: Layout, consumer: KafkaConsumer): Promise<StreamTask> {
    const { kafka } = this.#settings
    const { id, partition, inputs } = slot
    const producer = await this.#makeTaskProducer(slot, layout, consumer)
    try {
      // Only now is it certain that nobody else commits for this task any more.
      const topics = inputs.map(({ topic }) => topic)
      const committed = (await kafka.admin.committedOffsets(layout.application, topics)).filter(
        (offset) => offset.partition === partition,
      )
      const task = this.#makeTask(slot.layout)
      restoreStreamTimes(
        task.streamTimes,
        committed.map(({ metadata }) => metadata),
      )
      const queues = await Promise.all(
        inputs.map(async (input) => {
          const offset = committed.find(({ topic }) => topic === input.topic)?.offset
          return new InputQueue(
            input,
            partition,
            await this.#positionOf(input, partition, offset, 'the group'),
          )
        }),
      )
      await this.#restore(slot, task, queues)
      return new StreamTask({
        id,
        task,
        partition,
        queues,
        stores: slot.layout.stores,
        producer,
        layout,
        settings: this.#settings,
        admin: kafka.admin,
        deadLetter: (letter) => this.#countDeadLetter(letter),
        committed: (offsets, changes) => this.#committed(slot, offsets, changes),
        worked: () => this.#regulate(slot),
        failed: (error) => this.#fail(error),
      })
    } catch (error) {
      await producer.close()
      throw error
    }
  }

  async #makeTaskProducer(slot: Slot, layout: Layout, consumer: KafkaConsumer): Promise<TaskProducer> {
    const { kafka, processing } = this.#settings
    if (processing === 'at-least-once') return atLeastOnce(this.#plainProducer(), consumer)
    return exactlyOnce(kafka, {
      transactionalId: `${layout.application}-${slot.id}`,
      groupId: layout.application,
      signal: this.#over.signal,
    })
  }

  async #restore(slot: Slot, task: Task, queues: readonly InputQueue[]): Promise<void> {
    const { kafka } = this.#settings
    let fromCheckpoint = 0
    let fromTopic = 0
    for (const { spec, topic, isChangelog } of slot.layout.stores) {
      const store = task.stores.get(spec.name)
      if (!store) continue
      // A versioned store keeps the latest version of each key, however old it is.
      const forgets = spec.kind === 'window' || spec.kind === 'session' ? spec.retentionMs : undefined
      if (isChangelog && forgets !== undefined) slot.trims.set(topic, new ChangelogTrim(forgets))
      const checkpoint = isChangelog ? this.#checkpointOf(slot, spec.name, topic, forgets) : undefined
      const source = queues.find(({ input }) => input.topic === topic)
      const restored = await restoreStore({
        kafka,
        topic,
        partition: slot.partition,
        store,
        signal: slot.abort.signal,
        ...(checkpoint && { checkpoint }),
        // A table's topic goes on behind what was processed: that part comes through the task.
        ...(!isChangelog && source && { toOffset: source.position }),
      })
      fromCheckpoint += restored.fromCheckpoint
      fromTopic += restored.fromTopic
    }
    if (fromCheckpoint + fromTopic > 0)
      this.#logger.info({ task: slot.id, fromCheckpoint, fromTopic }, 'state restored')
    this.events$.next({ type: 'task-started', task: slot.id, fromCheckpoint, fromTopic })
  }

  #checkpointOf(
    slot: Slot,
    store: string,
    topic: string,
    retentionMs: number | undefined,
  ): Checkpoint | undefined {
    const { stateDir } = this.#settings
    if (stateDir === undefined || !this.#layout) return undefined
    const checkpoint = new Checkpoint({
      path: join(stateDir, this.#layout.application, slot.id, `${topic}.checkpoint`),
      identity: `${topic}/${slot.partition}`,
      ...(retentionMs !== undefined && { forgetAfterMs: retentionMs * 2 }),
      failed: (error) =>
        this.#logger.warn({ task: slot.id, store }, `goes on without its checkpoint: ${messageOf(error)}`),
    })
    slot.checkpoints.set(topic, checkpoint)
    return checkpoint
  }

  async #makeSinkTask(slot: Slot, node: ExternalSinkNode, consumer: KafkaConsumer): Promise<SinkTask> {
    const { id, partition, inputs } = slot
    const { signal } = slot.abort
    const opening = this.#writers.get(node)
    if (!opening) throw new RivuletError('INTERNAL', `the sink of "${node.name}" is not open`)
    const writer = await unlessAborted(opening, signal)
    const queues = await Promise.all(
      inputs.map(async (input) => {
        const offset = await unlessAborted(writer.resumeOffset(input.topic, partition), signal)
        return new InputQueue(
          input,
          partition,
          await this.#positionOf(input, partition, offset, node.sink.name),
        )
      }),
    )
    const isShown = (queue: InputQueue) => !this.#hasStreamReader(queue.input.topic)
    return new SinkTask({
      id,
      task: this.#makeTask(slot.layout),
      node,
      writer,
      queues,
      settings: this.#settings,
      bad: (queue, record) => this.#badInSink(queue, record, isShown(queue)),
      seek: (queue) => this.#feeds.get(keyOf({ topic: queue.input.topic, partition }))?.rewind(),
      written: (queue, offset) => {
        if (isShown(queue)) this.#showOffset(consumer, { topic: queue.input.topic, partition, offset })
      },
      worked: () => this.#regulate(slot),
      failed: (error) => this.#fail(error),
    })
  }

  /** Where to read on. Throws where the topic can't be the one of which somebody remembers the offset. */
  async #positionOf(
    { topic }: InputLayout,
    partition: number,
    offset: number | undefined,
    rememberedBy: string,
  ): Promise<number> {
    const ranges = await this.#settings.kafka.admin.offsets(topic)
    const range = ranges.find((each) => each.partition === partition)
    if (offset === undefined || !range) return range?.lowOffset ?? 0
    checkRemembered(topic, range, offset, rememberedBy)
    if (offset < range.lowOffset) {
      this.#statistics.count('records_deleted_unread', range.lowOffset - offset)
      this.#logger.warn({ topic, partition, from: offset, to: range.lowOffset }, 'deleted before it was read')
    }
    return Math.max(offset, range.lowOffset)
  }

  #hasStreamReader(topic: string): boolean {
    return (this.#layout?.subTopologies ?? []).some(
      ({ subTopology, inputs }) =>
        subTopology.kind === 'stream' && inputs.some((input) => input.topic === topic),
    )
  }

  #regulate({ partition, inputs }: Slot): void {
    for (const { topic } of inputs) this.#feeds.get(keyOf({ topic, partition }))?.regulate()
  }

  // --- effects ---

  #committed(slot: Slot, offsets: readonly PartitionOffset[], changes: readonly CommittedChanges[]): void {
    for (const { store, changes: columns, changelogOffset } of changes) {
      const forgotten = slot.trims.get(store.topic)?.note(columns, changelogOffset)
      if (forgotten !== undefined) this.#deleteRecords(store.topic, slot.partition, forgotten)
      void slot.checkpoints.get(store.topic)?.append(columns, changelogOffset)
    }
    this.events$.next({ type: 'committed', task: slot.id, offsets })
  }

  /** Repartition topics are the application's own: what all of its tasks have worked off is of no more use. */
  #purge(): void {
    for (const { topic, partition, committed } of this.partitions()) {
      const feed = this.#feeds.get(keyOf({ topic, partition }))
      if (feed?.isInternal && feed.isComplete && committed > feed.purgedOffset) {
        feed.purgedOffset = committed
        this.#deleteRecords(topic, partition, committed)
      }
    }
  }

  /** Only saves room: what fails is tried again with the next ones. */
  #deleteRecords(topic: string, partition: number, beforeOffset: number): void {
    this.#settings.kafka.admin
      .deleteRecords(topic, partition, beforeOffset)
      .catch((error) => this.#logger.warn({ topic, partition }, messageOf(error)))
  }

  /** A sink remembers its own place; the group's offset only shows it. */
  #showOffset(consumer: KafkaConsumer, offset: PartitionOffset): void {
    const isFirst = this.#shownOffsets.size === 0
    this.#shownOffsets.set(keyOf(offset), offset)
    if (!isFirst) return
    this.#settings.clock.scheduler.schedule(() => {
      const offsets = [...this.#shownOffsets.values()]
      this.#shownOffsets.clear()
      consumer.commit(offsets).catch((error) => this.#logger.debug(messageOf(error)))
    }, WALL_CLOCK_INTERVAL_MS)
  }

  #badInSink(queue: InputQueue, record: BadRecord, isOwner: boolean): void {
    const letter = deadLetterOf(queue, record, this.#settings.onDecodeError)
    if (!isOwner) return // the task that reads the topic for Kafka tells of it
    this.#countDeadLetter(letter)
    const { topic, key, value, timestampMs, headers } = letter
    const records = { keys: [key], values: [value], timestampsMs: [timestampMs], headers: [headers] }
    this.#plainProducer()
      .send(topic, 0, records)
      .catch((error) => this.#fail(error))
  }

  #countDeadLetter({ topic, headers }: DeadLetterRecord): void {
    this.#statistics.count('dead_letters')
    // A storm of garbage is counted, not told line by line.
    const level = ++this.#lettersTold <= LETTERS_TOLD_MAX ? 'warn' : 'debug'
    const [from, partition, offset, reason] = ['topic', 'partition', 'offset', 'reason'].map((name) =>
      headers[name]?.toString(),
    )
    this.#logger[level]({ topic: from, partition, offset, reason }, `not decodable: it goes to ${topic}`)
    this.events$.next({ type: 'dead-letter', topic })
  }

  #plainProducer(): KafkaProducer {
    this.#producer ??= this.#settings.kafka.producer({ signal: this.#over.signal })
    return this.#producer
  }

  #tick(): void {
    const { clock } = this.#settings
    const nowMs = clock.now()
    this.#statistics.sample(nowMs)
    if (nowMs - this.#purgedMs >= PURGE_INTERVAL_MS) {
      this.#purgedMs = nowMs
      this.#purge()
    }
    for (const { running } of this.#slots.values()) running?.advanceWallClock(nowMs)
    if (this.#over.signal.aborted || this.#stopping) return
    this.#wallClock = clock.scheduler.schedule(() => this.#tick(), WALL_CLOCK_INTERVAL_MS)
  }

  // --- end ---

  async #stop(): Promise<StopOutcome> {
    const { clock, stopTimeoutMs } = this.#settings
    if (this.#over.signal.aborted) return 'drained'
    const drained = new AbortController()
    const timeout = clock.sleep(stopTimeoutMs, drained.signal).then(
      () => 'timeout' as const,
      () => 'drained' as const,
    )
    const drain = this.#drain().then(
      () => 'drained' as const,
      (error) => {
        this.#fail(error)
        throw error
      },
    )
    const ended = await Promise.race([drain, timeout])
    drained.abort()
    const outcome = ended === 'drained' ? ended : this.#isAllInKafka() ? 'sinks-behind' : 'cut-off'
    if (ended === 'timeout') {
      drain.catch(() => undefined)
      this.#logger.warn(
        `stopping took longer than ${stopTimeoutMs} ms: what is not written is done again next time`,
      )
    }
    this.#end(new RivuletError('INTERNAL', `topology "${this.#topology.name}" has stopped`))
    this.events$.complete()
    return outcome
  }

  #isAllInKafka(): boolean {
    const tasks = [...this.#slots.values()].map(({ running }) => running)
    return (
      this.#sources.every((source) => source.unacknowledged === 0) &&
      tasks.every((task) => !(task instanceof StreamTask && task.isDirty))
    )
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()))
    await this.#rejoining
    await this.#consumer?.close()
    await Promise.all([...this.#openWriters.values()].map((writer) => writer.close()))
    await this.#producer?.close()
  }

  #fail(error: unknown): void {
    if (this.#over.signal.aborted) return
    if (error instanceof RivuletError && error.code === 'KAFKA_FENCED' && this.#layout) {
      this.#rejoining ??= this.#rejoin(error, this.#layout).catch((failure) => this.#fail(failure))
      return
    }
    const failure =
      error instanceof RivuletError ? error : new RivuletError('INTERNAL', messageOf(error), { cause: error })
    this.#end(failure) // who runs it is told by the error
    this.events$.error(failure)
  }

  /** Lets go of whatever is left; after a clean stop, that is nothing. */
  #end(reason: RivuletError): void {
    this.#over.abort(reason)
    this.#wallClock?.unsubscribe()
    this.#globals?.unsubscribe()
    for (const source of this.#sources) source.abandon()
    for (const slot of this.#slots.values()) {
      slot.abort.abort(reason)
      slot.running?.abandon().catch((error) => this.#logger.debug(messageOf(error)))
    }
    this.#membership?.unsubscribe()
  }
}

function checkRemembered(
  topic: string,
  { partition, endOffset }: { readonly partition: number; readonly endOffset: number },
  offset: number | undefined,
  by: string,
): void {
  if (offset === undefined || offset <= endOffset) return
  const message = `${by} has read ${topic}/${partition} up to ${offset}, but it ends at ${endOffset}: the topic has lost its end, or was made anew. Give it back what it had, or begin with a new data folder and new tables`
  throw new RivuletError('KAFKA_FAILED', message, { place: { topic, partition, offset } })
}

/** The same, or the signal's reason as soon as it is aborted: what was awaited goes on, and nobody waits for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Sub-topologies that run as tasks, one for each partition. */
function tasksOf({ subTopologies }: Layout): readonly SubTopologyLayout[] {
  return subTopologies.filter(
    ({ subTopology }) => subTopology.kind === 'stream' || subTopology.kind === 'sink',
  )
}
