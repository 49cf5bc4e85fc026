import { messageOf, RivuletError } from '../errors.ts'
import { backoffMs } from '../retry.ts'
import { earliestOffset, latestOffset } from './admin.ts'
import type { Cluster, Leader } from './cluster.ts'
import { decodeRecords, type FetchedPartition } from './decode-fetch.ts'
import { type FetchLimits, fetchRequest } from './fetch-request.ts'
import { checkHistory, lostRecords } from './history.ts'
import { createErrorFromCode } from './internals.ts'
import { persist } from './persist.ts'
import { ReadPlace } from './read-place.ts'
import { translate } from './translate.ts'
import type { Fetched, TopicPartition } from './types.ts'

export interface FetcherOptions {
  readonly cluster: Cluster
  /** Names its connections. */
  readonly use: string
  readonly limits: FetchLimits
  fetched(fetched: Fetched): void
  /** The log does not have `from` any more; reading goes on at `to`. */
  skipped(of: TopicPartition, fromOffset: number, toOffset: number): void
  /** What retrying can't mend. */
  failed(error: RivuletError): void
}

/** Where to begin. */
export type Position = number | 'earliest' | 'latest'

/**
 * Two requests may be under way at a node: so a partition that is resumed or added needs not wait for the long poll
 * of the others to end.
 */
const requestsMax = 2
/** One being worked on, one under way: the next fetch runs while a chunk is processed. */
const heldChunksMax = 2
/** With partitions paused, which may be resumed any moment, an empty answer is not held back for long. */
const pausedWaitMs = 50
const backoffPolicy = { initialMs: 50, waitMsMax: 2_000 }

interface Reading extends TopicPartition {
  /** The offset to ask for next; undefined while it is being found out. */
  position: number | undefined
  /** Raised by a seek: what was asked for before it is thrown away. */
  epoch: number
  paused: boolean
  inFlight: boolean
  readonly place: ReadPlace
  /** The leader epoch in which the log was last found to be the one that was read. */
  soundIn: number | undefined
  /** Fetched and not yet handed over. */
  readonly held: Fetched[]
  /** What the last `fetched` said; −1: nothing yet. */
  knownEndOffset: number
}

/**
 * Fetches partitions from their leaders, or from replicas that these name, with the next fetch under way while a chunk is
 * worked on, and hands chunks over one by one, in order. What arrives for a paused partition is held for it: at most two
 * fetches.
 */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #readings = new Map<string, Reading>()
  /** Which of a node's connections carry a request. */
  readonly #busy = new Map<number, Set<number>>()
  readonly #failures = new Map<number, number>()
  readonly #stopped = new AbortController()
  #delivering = false

  constructor(options: FetcherOptions) {
    this.#options = options
  }

  add(of: TopicPartition, position: Position): void {
    const reading: Reading = {
      topic: of.topic,
      partition: of.partition,
      position: undefined,
      epoch: 0,
      paused: false,
      inFlight: false,
      place: new ReadPlace(this.#options.cluster, of),
      soundIn: undefined,
      held: [],
      knownEndOffset: -1,
    }
    this.#readings.set(keyOf(of), reading)
    this.#moveTo(reading, position)
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const of of partitions) this.#readings.delete(keyOf(of))
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const of of partitions) {
      const reading = this.#readings.get(keyOf(of))
      if (reading) reading.paused = true
    }
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const of of partitions) {
      const reading = this.#readings.get(keyOf(of))
      if (reading) reading.paused = false
    }
    this.#scheduleDelivery()
    this.#dispatch()
  }

  seek(of: TopicPartition, position: Position): void {
    const reading = this.#readings.get(keyOf(of))
    if (reading) this.#moveTo(reading, position)
  }

  stop(): void {
    this.#stopped.abort()
    this.#readings.clear()
    this.#options.cluster.closeUse(this.#options.use)
  }

  #moveTo(reading: Reading, position: Position): void {
    reading.epoch++
    reading.inFlight = false
    reading.held.length = 0
    reading.knownEndOffset = -1
    reading.soundIn = undefined
    if (typeof position === 'number') {
      reading.position = position
      this.#dispatch()
      return
    }
    reading.position = undefined
    const { cluster, use } = this.#options
    const find = position === 'earliest' ? earliestOffset : latestOffset
    void this.#look(
      reading,
      () => find(cluster, reading, use),
      (offset) => {
        reading.position = offset
      },
    )
  }

  /** Finds something out about a partition, however long it takes; then fetching goes on. */
  async #look<T>(reading: Reading, ask: () => Promise<T>, then: (answer: T) => void): Promise<void> {
    const { epoch } = reading
    try {
      const answer = await persist(ask, {
        kafka: this.#options.cluster.options,
        signal: this.#stopped.signal,
      })
      if (!this.#isCurrent(reading, epoch)) return
      then(answer)
      this.#dispatch()
    } catch (error) {
      if (this.#isCurrent(reading, epoch)) this.#fail(error, reading)
    }
  }

  #isCurrent(reading: Reading, epoch: number): boolean {
    return this.#readings.get(keyOf(reading)) === reading && reading.epoch === epoch
  }

  #fail(error: unknown, { topic, partition }: TopicPartition): void {
    if (this.#stopped.signal.aborted) return
    this.#options.failed(translate(error, `Can't read topic ${topic}`, { topic, partition }))
  }

  /** Sends what can be sent: one request for each node that has partitions to be asked for. */
  #dispatch(): void {
    const byNode = new Map<number, Reading[]>()
    let paused = false
    for (const reading of this.#readings.values()) {
      paused ||= reading.paused
      if (!isFetchable(reading)) continue
      const { leader } = reading.place
      if (leader === undefined) this.#findLeader(reading)
      else if (!this.#isSound(reading, leader)) this.#validate(reading)
      else {
        const node = reading.place.nodeId(leader)
        if ((this.#busy.get(node)?.size ?? 0) >= requestsMax) continue
        const readings = byNode.get(node)
        if (readings) readings.push(reading)
        else byNode.set(node, [reading])
      }
    }
    for (const [node, readings] of byNode) void this.#fetch(node, readings, paused)
  }

  #findLeader(reading: Reading): void {
    reading.inFlight = true
    const ask = () => this.#options.cluster.leaderOf(reading)
    void this.#look(reading, ask, (leader) => {
      reading.place.leader = leader
      reading.inFlight = false
    })
  }

  /** Whether the leader is known to have what was read; of what was not read, nothing is to be known. */
  #isSound(reading: Reading, leader: Leader): boolean {
    if (reading.soundIn === leader.epoch) return true
    const epoch = this.#options.cluster.leaderEpochs.before(reading, reading.position as number)
    return epoch < 0 || epoch === leader.epoch
  }

  /**
   * Under another leader than before, the log must still be the one that was read up to here: after an unclean election, or
   * made anew, it may have lost its end, and have grown again since. Source: KIP-320.
   */
  #validate(reading: Reading): void {
    const { cluster, use } = this.#options
    const position = reading.position as number
    const epoch = cluster.leaderEpochs.before(reading, position)
    const sinceMs = cluster.options.clock.now()
    reading.inFlight = true
    const ask = () => checkHistory(cluster, reading, { position, epoch, sinceMs }, use)
    void this.#look(reading, ask, (leader) => {
      reading.place.leader = leader
      reading.soundIn = leader.epoch
      reading.inFlight = false
    })
  }

  async #fetch(node: number, readings: readonly Reading[], paused: boolean): Promise<void> {
    const { cluster, limits, use } = this.#options
    const slot = this.#takeSlot(node)
    const asked = new Map<string, { reading: Reading; epoch: number; offset: number }>()
    for (const reading of readings) {
      reading.inFlight = true
      asked.set(keyOf(reading), { reading, epoch: reading.epoch, offset: reading.position as number })
    }
    const partitions = [...asked.values()].map(({ reading, offset }) => ({
      topic: reading.topic,
      partition: reading.partition,
      leaderEpoch: reading.place.leader?.epoch ?? -1,
      offset,
    }))
    const namesReplica = readings.every(({ place }) => place.mayBeReplica)
    const request = fetchRequest(
      partitions,
      { ...limits, waitMsMax: this.#waitMsMax(readings, paused) },
      { rack: namesReplica ? cluster.options.clientRack : undefined },
    )
    try {
      // A long poll blocks its connection: each of the two has its own.
      const answer = await cluster.withNode(node, `${use} ${slot}`, `Can't fetch from node ${node}`, (link) =>
        link.send(request),
      )
      this.#failures.delete(node)
      let stale = false
      for (const partition of answer.partitions) {
        const entry = asked.get(keyOf(partition))
        if (!entry || !this.#isCurrent(entry.reading, entry.epoch)) continue
        stale = !this.#accept(partition, node, entry.reading, entry.offset) || stale
      }
      if (stale) await this.#waitAfterFailure(node)
    } catch (error) {
      for (const { reading } of asked.values()) reading.place.giveUp(node)
      if (this.#stopped.signal.aborted) return
      if (error instanceof RivuletError && error.retryable) await this.#waitAfterFailure(node, error)
      else this.#fail(error, readings[0] as Reading)
    } finally {
      for (const { reading, epoch } of asked.values()) {
        if (reading.epoch === epoch) reading.inFlight = false
      }
      this.#busy.get(node)?.delete(slot)
    }
    this.#dispatch()
  }

  /** Where a partition ends is wanted at once: its reader may be waiting to hear that it has everything. */
  #waitMsMax(readings: readonly Reading[], paused: boolean): number {
    if (readings.some(({ knownEndOffset }) => knownEndOffset < 0)) return 0
    const { waitMsMax } = this.#options.limits
    return paused ? Math.min(pausedWaitMs, waitMsMax) : waitMsMax
  }

  #takeSlot(node: number): number {
    const busy = this.#busy.get(node) ?? new Set()
    this.#busy.set(node, busy)
    let slot = 0
    while (busy.has(slot)) slot++
    busy.add(slot)
    return slot
  }

  /** False: the partition can't be read just now. */
  #accept(answer: FetchedPartition, node: number, reading: Reading, fetchOffset: number): boolean {
    const { leaderEpochs } = this.#options.cluster
    const isLeader = node === reading.place.leader?.nodeId
    if (answer.errorCode === offsetOutOfRange) {
      // A replica may not have it yet, or not any more.
      if (isLeader) this.#findNearest(reading, fetchOffset)
      else reading.place.giveUp(node)
      return true
    }
    if (answer.errorCode !== 0) {
      const { topic, partition } = reading
      const error = createErrorFromCode(answer.errorCode)
      const failure = translate(error, `Can't read partition ${partition} of topic ${topic}`, {
        topic,
        partition,
      })
      reading.place.giveUp(node)
      if (!failure.retryable) this.#options.failed(failure)
      return false
    }
    if (isLeader && answer.preferredReplica >= 0 && answer.preferredReplica !== node) {
      reading.place.moveTo(answer.preferredReplica)
      return true
    }
    try {
      const { keys, values, timestampsMs, offsets, headers, epochs, nextOffset } = decodeRecords(
        answer,
        fetchOffset,
      )
      const { endOffset } = answer
      if (nextOffset === fetchOffset && endOffset === reading.knownEndOffset) return true
      for (const [i, { epoch, fromOffset }] of epochs.entries())
        leaderEpochs.note(reading, epoch, fromOffset, epochs[i + 1]?.fromOffset ?? nextOffset)
      reading.position = nextOffset
      reading.knownEndOffset = endOffset
      const { topic, partition } = reading
      const chunk = { topic, partition, keys, values, timestampsMs, offsets, ...(headers && { headers }) }
      reading.held.push({ chunk, nextOffset, endOffset })
      this.#scheduleDelivery()
    } catch (error) {
      reading.paused = true // until its owner has dealt with it
      this.#fail(error, reading)
    }
    return true
  }

  /** Retention deleted the offset before it was read: go on at the first there is. A log that ends before it was cut. */
  #findNearest(reading: Reading, fromOffset: number): void {
    const { cluster, use, skipped } = this.#options
    reading.position = undefined
    const ask = async () => {
      const low = await earliestOffset(cluster, reading, use)
      if (fromOffset < low) return low
      const end = await latestOffset(cluster, reading, use)
      if (fromOffset > end) throw lostRecords(reading, fromOffset, end)
      return fromOffset
    }
    void this.#look(reading, ask, (toOffset) => {
      reading.position = toOffset
      if (toOffset !== fromOffset) skipped(reading, fromOffset, toOffset)
    })
  }

  /** Chunks are handed over outside of the socket's callback, when the next request is on its way. */
  #scheduleDelivery(): void {
    if (this.#delivering) return
    this.#delivering = true
    this.#options.cluster.options.clock.soon(() => {
      this.#delivering = false
      for (const reading of this.#readings.values()) this.#deliver(reading)
      this.#dispatch()
    })
  }

  #deliver(reading: Reading): void {
    const { epoch } = reading
    while (!reading.paused && reading.held.length > 0 && this.#isCurrent(reading, epoch)) {
      this.#options.fetched(reading.held.shift() as Fetched)
    }
  }

  async #waitAfterFailure(node: number, error?: RivuletError): Promise<void> {
    const { clock, trouble } = this.#options.cluster.options
    const failures = (this.#failures.get(node) ?? 0) + 1
    this.#failures.set(node, failures)
    if (error && failures >= 3) trouble.say(messageOf(error))
    await clock.sleep(backoffMs(backoffPolicy, failures, clock), this.#stopped.signal).catch(() => undefined)
  }
}

const offsetOutOfRange = 1

function isFetchable({ paused, inFlight, position, held }: Reading): boolean {
  return !paused && !inFlight && position !== undefined && held.length < heldChunksMax
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`
}
