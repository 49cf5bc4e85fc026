import { Subject, type Subscription } from 'rxjs'
import { messageOf, RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { StateStore } from '../state/store.ts'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import type { AssignedSource } from './assigned-source.ts'
import type { AssignedTask } from './assigned-task.ts'
import type { Settings } from './environment.ts'
import type { RuntimeEvent } from './events.ts'
import { GlobalTables } from './global-tables.ts'
import type { InstanceContext } from './instance-context.ts'
import { LagWatch, type PartitionLag } from './lag-watch.ts'
import { isTaskLayout, type Layout, layOut } from './layout.ts'
import { checkRemembered } from './remembered-offsets.ts'
import type { SinkStanding } from './sink-standing.ts'
import { checkConnections, SinkWriters } from './sink-writers.ts'
import { SourceGroup, type SourceStanding } from './source-group.ts'
import type { StandbyTask } from './standby-task.ts'
import { Statistics } from './statistics.ts'
import { StreamThread } from './stream-thread.ts'
import type { MetadataSources } from './streams-metadata.ts'
import { topicCompression } from './topic-compression.ts'

const wallClockIntervalMs = 1_000
/** As Kafka Streams' `repartition.purge.interval.ms`. */
const purgeIntervalMs = 30_000
const ownersIntervalMs = 5_000
/** A lag that is shown is no older, as long as Kafka answers. */
const lagIntervalMs = 2_000

/**
 * How stopping went. `drained`: everything that was read is written and committed. `sinks-behind`: Kafka has all of it,
 * but an external system did not take it in time. `cut-off`: Kafka did not take all of it in time.
 */
export type StopOutcome = 'drained' | 'sinks-behind' | 'cut-off'

/** What an instance is made of, as soon as the topics are there. */
interface Parts {
  readonly context: InstanceContext
  readonly sinks: SinkWriters
  readonly globals: GlobalTables
  readonly sources: SourceGroup
  readonly thread: StreamThread
  readonly lags: LagWatch
}

/**
 * A topology that runs on Kafka, from start to stop; what it can't go on with ends it. Source: Kafka Streams'
 * `KafkaStreams`.
 */
export class Instance {
  readonly events$ = new Subject<RuntimeEvent>()
  readonly statistics: Statistics
  readonly #topology: Topology
  readonly #settings: Settings
  readonly #logger: Logger
  /** Aborted when it is over, in whatever way. */
  readonly #over = new AbortController()
  #parts: Parts | undefined
  #wallClock: Subscription | undefined
  #purgedMs = 0
  #lookedMs = 0
  #lagsAskedMs = 0
  #topicsAskedMs: number
  #isStarted = false
  #failure: RivuletError | undefined
  #stopping: Promise<StopOutcome> | undefined

  constructor(topology: Topology, settings: Settings) {
    this.#topology = topology
    this.#settings = settings
    this.#topicsAskedMs = settings.clock.now()
    this.#logger = settings.logger.child({ topology: topology.name })
    this.statistics = new Statistics(topology, settings.clock)
  }

  start(): void {
    this.#start().catch((error) => this.#fail(error))
  }

  /** Reads nothing more, writes and commits what was read, and is done; at the latest when the time is up. Rejects when that can't be. */
  stop(): Promise<StopOutcome> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  // --- what is shown of it ---

  /** What a start still waits for; undefined: it is started. */
  get waitsFor(): string | undefined {
    if (this.#isStarted) return undefined
    if (!this.#parts) return 'Kafka has not given the topics yet'
    const { waiting } = this.#parts.sinks
    return waiting ? `${waiting.sink.name} is not open yet` : 'State is being restored'
  }

  /** Its tasks have been made, and none of them is about to move. */
  get isSettled(): boolean {
    return this.#isStarted && !this.#over.signal.aborted && this.#parts?.thread.isRejoining === false
  }

  get sources(): readonly SourceStanding[] {
    return this.#parts?.sources.standings ?? []
  }

  /** Those that run here. */
  get sourceTasks(): readonly AssignedSource[] {
    return this.#parts?.sources.assigned ?? []
  }

  /** By the sinks' steps. */
  get sinks(): ReadonlyMap<ExternalSinkNode, SinkStanding> {
    return this.#parts?.sinks.standings ?? new Map()
  }

  get tasks(): readonly AssignedTask[] {
    return this.#parts?.thread.tasks ?? []
  }

  get standbys(): readonly StandbyTask[] {
    return this.#parts?.thread.standbys ?? []
  }

  /** Who has what. */
  get metadata(): MetadataSources {
    return this.#parts?.thread.metadata ?? { hosts: [], layouts: [] }
  }

  get globalStores(): ReadonlyMap<string, StateStore> {
    return this.#parts?.globals.stores ?? new Map()
  }

  /** How far this instance is behind in what it reads. */
  get lags(): readonly PartitionLag[] {
    return this.#parts?.lags.lags ?? []
  }

  // --- start ---

  async #start(): Promise<void> {
    checkConnections(this.#topology, this.#settings.connections)
    const layout = await this.#layOut()
    if (this.#isEnding) return
    const parts = this.#makeParts(layout)
    this.#parts = parts
    parts.sinks.open()
    await parts.globals.read()
    await checkRemembered(parts.context, parts.sinks, (emptyMs) => parts.thread.isAloneSince(emptyMs))
    if (this.#isEnding) return
    // No waiting from here on: who stops it now finds all of it, who did before finds nothing read.
    if (this.#settings.sources) parts.sources.join()
    this.#scheduleTick(parts)
    if (layout.subTopologies.some(isTaskLayout)) parts.thread.join()
    else this.#started()
  }

  #layOut(): Promise<Layout> {
    const { kafka, topicPrefix } = this.#settings
    return layOut(this.#topology, topicPrefix, kafka.admin)
  }

  get #isEnding(): boolean {
    return this.#over.signal.aborted || this.#stopping !== undefined
  }

  #makeParts(layout: Layout): Parts {
    const over = this.#over.signal
    const compression = topicCompression(this.#topology, layout, this.#settings)
    const context: InstanceContext = {
      layout,
      settings: this.#settings,
      compression,
      logger: this.#logger,
      statistics: this.statistics,
      producer: this.#settings.kafka.producer({ compression, signal: over }),
      over,
      emit: (event) => this.#emit(event),
      failed: (error) => this.#fail(error),
    }
    const sinks = new SinkWriters(context)
    const globals = new GlobalTables(context)
    const sources = new SourceGroup({ context, globalStores: globals.stores })
    const thread = new StreamThread({
      context,
      sinks,
      globalStores: globals.stores,
      layOut: () => this.#layOut(),
      started: () => this.#started(),
    })
    const { clock, kafka } = this.#settings
    const lags = new LagWatch({ clock, admin: kafka.admin, positions: () => thread.positions })
    return { context, sinks, globals, sources, thread, lags }
  }

  #emit(event: RuntimeEvent): void {
    if (event.type === 'committed' || event.type === 'source-committed')
      this.statistics.lastCommitMs = this.#settings.clock.now()
    this.events$.next(event)
    if (event.type === 'source-ended' && event.stops) this.#stopWhenDone().catch((error) => this.#fail(error))
  }

  /** A source has ended, and the program with it: once what its topics hold is worked off. */
  async #stopWhenDone(): Promise<void> {
    const { clock } = this.#settings
    while (!this.#isEnding && !(await this.#isWorkedOff()))
      await clock.sleep(wallClockIntervalMs, this.#over.signal)
    await this.stop()
  }

  /** Where it stands is looked at before the ends: what is worked off by then has its results within them. */
  async #isWorkedOff(): Promise<boolean> {
    const positions = this.#parts?.thread.positions ?? []
    if (!this.isSettled) return false
    for (const topic of new Set(positions.map((of) => of.topic))) {
      const ranges = await this.#settings.kafka.admin.offsets(topic)
      const committed = positions.filter((of) => of.topic === topic)
      if (committed.some((of) => of.committed < (ranges[of.partition]?.endOffset ?? 0))) return false
    }
    return true
  }

  #started(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.events$.next({ type: 'started' })
  }

  #scheduleTick(parts: Parts): void {
    this.#wallClock = this.#settings.clock.scheduler.schedule(() => {
      this.#tick(parts)
      if (!this.#isEnding) this.#scheduleTick(parts)
    }, wallClockIntervalMs)
  }

  #tick({ sources, thread, lags }: Parts): void {
    const nowMs = this.#settings.clock.now()
    this.statistics.sample(nowMs)
    if (nowMs - this.#purgedMs >= purgeIntervalMs) {
      this.#purgedMs = nowMs
      thread.purge()
    }
    if (nowMs - this.#lookedMs >= ownersIntervalMs) {
      this.#lookedMs = nowMs
      sources.askForOwners()
    }
    if (nowMs - this.#lagsAskedMs >= lagIntervalMs) {
      this.#lagsAskedMs = nowMs
      lags.look().catch((error) => this.#logger.debug(messageOf(error)))
    }
    if (nowMs - this.#topicsAskedMs >= this.#settings.metadataMaxAgeMs) {
      this.#topicsAskedMs = nowMs
      thread.lookForTopics()
    }
    thread.advanceWallClock(nowMs)
  }

  // --- end ---

  async #stop(): Promise<StopOutcome> {
    if (this.#over.signal.aborted) return 'drained'
    const outcome = await this.#drainInTime()
    if (this.#failure) throw this.#failure
    this.#end(new RivuletError('INTERNAL', `topology "${this.#topology.name}" has stopped`))
    this.events$.complete()
    return outcome
  }

  async #drainInTime(): Promise<StopOutcome> {
    const { clock, stopTimeoutMs } = this.#settings
    const drain = this.#drain().then(() => 'drained' as const)
    // Also when nobody waits for it any more.
    drain.catch((error) => this.#fail(error))
    const waited = new AbortController()
    const timeout = clock.sleep(stopTimeoutMs, waited.signal).then(() => 'timeout' as const)
    timeout.catch(() => undefined) // drained before
    const ended = await Promise.race([drain, timeout]).finally(() => waited.abort())
    if (ended === 'drained') return ended
    this.#logger.warn(
      `stopping took longer than ${stopTimeoutMs} ms: what is not written is done again next time`,
    )
    return this.#isAllInKafka ? 'sinks-behind' : 'cut-off'
  }

  get #isAllInKafka(): boolean {
    const sources = this.#parts?.sources.assigned ?? []
    return (
      sources.every(({ uncommitted }) => uncommitted === 0) && this.tasks.every(({ isDirty }) => !isDirty)
    )
  }

  async #drain(): Promise<void> {
    await this.#parts?.sources.leave()
    await this.#parts?.thread.leave()
    await this.#parts?.sinks.close()
    await this.#parts?.context.producer.close()
  }

  #fail(error: unknown): void {
    if (this.#over.signal.aborted) {
      this.#logger.debug(messageOf(error)) // of what was let go
      return
    }
    const failure =
      error instanceof RivuletError ? error : new RivuletError('INTERNAL', messageOf(error), { cause: error })
    this.#failure = failure
    this.#end(failure) // who runs it is told by the error
    this.events$.error(failure)
  }

  /** Lets go of whatever is left; after a clean stop, that is nothing. */
  #end(reason: RivuletError): void {
    this.#over.abort(reason)
    this.#wallClock?.unsubscribe()
    if (!this.#parts) return
    const { context, sinks, globals, sources, thread } = this.#parts
    sources.abandon()
    globals.close()
    thread.abandon()
    for (const closed of [sinks.close(), context.producer.close()])
      closed.catch((error) => this.#logger.debug(messageOf(error)))
  }
}
