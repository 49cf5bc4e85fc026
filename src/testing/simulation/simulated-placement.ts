import type { PartitionLog } from '../../broker/log/partition-log.ts'
import type { CoordinatorType, NodeAddress, Placement } from '../../broker/placement.ts'
import { errorCodes, type KafkaErrorCode } from '../../broker/protocol/error-codes.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How long the others take to notice that a node is gone. */
const noticesMs = [300, 6_000] as const
/** How long there is no leader then. */
const electsMs = [0, 1_000] as const
/** How long a coordinator reads what its predecessor knew. */
const loadsMs = [0, 1_500] as const
/** How long a node takes to hear of a change. */
const hearsMs = [0, 800] as const
/** As `__consumer_offsets` and `__transaction_state` have partitions: so many keys move together. */
const coordinatorPartitions = 8
const nobody = -1

interface Holder {
  readonly nodeId: number
  readonly epoch: number
}

/** Who has a partition, or a coordinator's part, and who had it before. */
interface Place {
  was: Holder
  is: Holder
  changedMs: number
  loadedMs: number
}

/**
 * Who leads, coordinates and controls in a cluster of several nodes that share one broker's logs: what is acknowledged is on
 * all of them, so the loss of one loses nothing. Each node hears of a change in its own time, and answers only for what it
 * has.
 */
export class SimulatedPlacement {
  readonly #time: VirtualTime
  readonly #random: () => number
  readonly #nodes: readonly NodeAddress[]
  readonly #hearsMs: ReadonlyMap<number, number>
  readonly #up: Set<number>
  /** Up, or believed to be. */
  readonly #known: Set<number>
  readonly #leaders = new Map<PartitionLog, Place>()
  readonly #coordinators = new Map<string, Place>()

  constructor(time: VirtualTime, random: () => number, nodes: readonly NodeAddress[]) {
    this.#time = time
    this.#random = random
    this.#nodes = nodes
    this.#hearsMs = new Map(nodes.map(({ nodeId }) => [nodeId, this.#between(hearsMs)]))
    this.#up = new Set(nodes.map(({ nodeId }) => nodeId))
    this.#known = new Set(this.#up)
  }

  /** As one of the nodes knows it. */
  seenBy(nodeId: number): Placement {
    const all = this
    return {
      nodeId,
      get nodes() {
        return all.#nodes.filter((node) => all.#known.has(node.nodeId))
      },
      get controllerId() {
        return Math.min(...all.#known)
      },
      leaderOf: (log) => this.#heard(this.#leaderPlace(log), nodeId),
      coordinatorOf: (type, key) => {
        const holder = this.#heard(this.#coordinatorPlace(type, key), nodeId)
        return this.#nodes.find((node) => node.nodeId === holder.nodeId)
      },
      leaderFault: (log) =>
        this.#has(this.#leaderPlace(log), nodeId) ? errorCodes.none : errorCodes.notLeaderOrFollower,
      coordinatorFault: (type, key) => this.#coordinatorFault(this.#coordinatorPlace(type, key), nodeId),
      controllerFault: () =>
        nodeId === Math.min(...this.#known) ? errorCodes.none : errorCodes.notController,
    }
  }

  /** A node died: the others elect among themselves, when they have noticed. */
  down(nodeId: number): void {
    this.#up.delete(nodeId)
    this.#time.after(this.#between(noticesMs), () => {
      if (this.#up.has(nodeId)) return
      this.#known.delete(nodeId)
      for (const [log, place] of this.#leaders) if (place.is.nodeId === nodeId) this.#vacate(place, log)
      for (const place of this.#coordinators.values()) if (place.is.nodeId === nodeId) this.#vacate(place)
    })
  }

  /** It is back, and gets what nobody has. */
  up(nodeId: number): void {
    this.#up.add(nodeId)
    this.#known.add(nodeId)
    this.#electAll()
  }

  /** Gives a partition, or part of the groups and transactions, to another node that is up. */
  move(what: 'leader' | 'coordinator', pick: number): void {
    const places: readonly (readonly [PartitionLog | undefined, Place])[] =
      what === 'leader'
        ? [...this.#leaders]
        : [...this.#coordinators.values()].map((place) => [undefined, place])
    const [log, place] = places[Math.floor(pick * places.length)] ?? []
    const others = [...this.#up].filter((nodeId) => nodeId !== place?.is.nodeId)
    const next = others[Math.floor(this.#random() * others.length)]
    if (place && next !== undefined) this.#give(place, next, log)
  }

  #between([leastMs, mostMs]: readonly [number, number]): number {
    return leastMs + this.#random() * (mostMs - leastMs)
  }

  #vacate(place: Place, log?: PartitionLog): void {
    this.#give(place, nobody, log)
    this.#time.after(this.#between(electsMs), () => this.#electAll())
  }

  #electAll(): void {
    const up = [...this.#up]
    const elect = (place: Place, log?: PartitionLog) => {
      const next = up[Math.floor(this.#random() * up.length)]
      if (place.is.nodeId === nobody && next !== undefined) this.#give(place, next, log)
    }
    for (const [log, place] of this.#leaders) elect(place, log)
    for (const place of this.#coordinators.values()) elect(place)
  }

  #give(place: Place, nodeId: number, log: PartitionLog | undefined): void {
    if (log) log.leaderEpoch++
    place.was = place.is
    place.is = { nodeId, epoch: log?.leaderEpoch ?? 0 }
    place.changedMs = this.#time.nowMs
    place.loadedMs = this.#time.nowMs + this.#between(loadsMs)
  }

  #heard({ was, is, changedMs }: Place, nodeId: number): Holder {
    return this.#time.nowMs - changedMs < (this.#hearsMs.get(nodeId) ?? 0) ? was : is
  }

  #has(place: Place, nodeId: number): boolean {
    return place.is.nodeId === nodeId && this.#heard(place, nodeId).nodeId === nodeId
  }

  #coordinatorFault(place: Place, nodeId: number): KafkaErrorCode {
    if (!this.#has(place, nodeId)) return errorCodes.notCoordinator
    return this.#time.nowMs < place.loadedMs ? errorCodes.coordinatorLoadInProgress : errorCodes.none
  }

  #leaderPlace(log: PartitionLog): Place {
    const place =
      this.#leaders.get(log) ?? this.#firstPlace(hashOf(log.topic) + log.partition, log.leaderEpoch)
    this.#leaders.set(log, place)
    return place
  }

  #coordinatorPlace(type: CoordinatorType, key: string): Place {
    const partition = hashOf(`${type} ${key}`) % coordinatorPartitions
    const id = `${type} ${partition}`
    const place = this.#coordinators.get(id) ?? this.#firstPlace(partition, 0)
    this.#coordinators.set(id, place)
    return place
  }

  #firstPlace(number: number, epoch: number): Place {
    const nodes = [...this.#known]
    const holder = { nodeId: nodes[number % nodes.length] ?? nobody, epoch }
    return { was: holder, is: holder, changedMs: Number.NEGATIVE_INFINITY, loadedMs: 0 }
  }
}

function hashOf(text: string): number {
  let hash = 0
  for (const char of text) hash = (hash * 31 + char.charCodeAt(0)) >>> 0
  return hash
}
