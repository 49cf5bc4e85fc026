import type { Assignor, GroupMember, TopicPartition } from '../kafka/types.ts'
import {
  type AssignmentInfo,
  decodeAssignmentInfo,
  decodeStanding,
  encodeAssignmentInfo,
  encodeStanding,
  type StandbyCopy,
} from './assignment-info.ts'
import { keyOf, shareOut, type Unit, unitsOf } from './task-assignor.ts'

export interface StandbyAssignorOptions {
  /** All members must agree on it. */
  readonly name: string
  /** Topics whose equally numbered partitions can't be parted. */
  readonly groups: readonly (readonly string[])[]
  /** How many copies there are of what is active. */
  readonly standbys: number
  readonly acceptableRecoveryLag: number
  /** Whether tasks that read the topic have stores to be copied. */
  isStateful(topic: string): boolean
  /** What this member has. */
  held(): readonly TopicPartition[]
  /** Where this member can be asked; undefined: nowhere. */
  readonly applicationServer: string | undefined
  /** Of the first partitions of their units. */
  copies(): readonly StandbyCopy[]
  assigned(info: AssignmentInfo): void
}

/** Copies on top, for tasks that are to move, at the same time in the whole group. Source: `max.warmup.replicas`. */
const warmupsMax = 2

/**
 * Shares tasks out as evenly as it goes, but none to who would have to restore it while another one has its stores: the one
 * whose turn it is gets a copy first, and the task when that has caught up. Each task has copies on other instances, as
 * many as are asked for. Source: Kafka Streams' `HighAvailabilityTaskAssignor` (KIP-441).
 */
export function standbyAssignor(options: StandbyAssignorOptions): Assignor {
  const { name, held, copies, assigned, applicationServer: host } = options
  return {
    name,
    userData: () => encodeStanding({ held: held(), copies: copies(), ...(host !== undefined && { host }) }),
    assign: (members, partitionCounts) => new Placement(members, partitionCounts, options).active,
    assignmentData: (members, partitionCounts) => {
      const placement = new Placement(members, partitionCounts, options)
      return new Map(
        members.map(({ memberId }) => [memberId, encodeAssignmentInfo(placement.infoOf(memberId))]),
      )
    },
    onAssignment: (data) => assigned(decodeAssignmentInfo(data)),
  }
}

/** Lags of those who have the stores of a unit: of its owner, less than any copy's. */
type Lags = ReadonlyMap<string, number>
const ownersLag = -1

/** Who is to have what, by what the members say. */
class Placement {
  readonly #options: StandbyAssignorOptions
  readonly #members: readonly string[]
  readonly #active = new Map<string, Unit[]>()
  readonly #copies = new Map<string, Unit[]>()
  readonly #warmups = new Map<string, Unit[]>()
  /** Where those are who say so. */
  readonly #hosts = new Map<string, string>()
  readonly #lags = new Map<string, Map<string, number>>()

  constructor(
    members: readonly GroupMember[],
    partitionCounts: ReadonlyMap<string, number>,
    options: StandbyAssignorOptions,
  ) {
    this.#options = options
    this.#members = members.map(({ memberId }) => memberId)
    for (const { memberId, userData } of members) {
      const { held, copies, host } = decodeStanding(userData)
      if (host !== undefined) this.#hosts.set(memberId, host)
      for (const { lag, ...of } of copies) this.#note(of, memberId, lag)
      for (const of of held) this.#note(of, memberId, ownersLag)
    }
    const units = unitsOf(options.groups, partitionCounts)
    const homes = shareOut(units, this.#members, (unit) => this.#holders(unit))
    for (const [unit, home] of homes) this.#activate(unit, home)
    const stateful = units.filter((unit) => unit.some(({ topic }) => options.isStateful(topic)))
    for (const unit of stateful) this.#copy(unit, stateful.length)
  }

  get active(): ReadonlyMap<string, readonly TopicPartition[]> {
    return new Map(this.#members.map((member) => [member, this.#of(this.#active, member).flat()]))
  }

  infoOf(member: string): AssignmentInfo {
    const first = (units: readonly Unit[]) => units.flatMap(([of]) => of ?? [])
    // What is still another's for this round stays a copy, until it is given up there.
    const coming = this.#of(this.#active, member).filter(
      (unit) => (this.#lagsOf(unit).get(member) ?? -1) >= 0,
    )
    const warmups = this.#of(this.#warmups, member)
    return {
      copies: first([...this.#of(this.#copies, member), ...warmups, ...coming]),
      warmups: first(warmups),
      hosts: [...this.#hosts].map(([id, host]) => ({
        host,
        active: this.#of(this.#active, id).flat(),
        standby: this.#of(this.#copies, id).flat(),
      })),
    }
  }

  #note(of: TopicPartition, member: string, lag: number): void {
    const key = keyOf(of)
    const lags = this.#lags.get(key) ?? new Map<string, number>()
    this.#lags.set(key, lags.set(member, lag))
  }

  #lagsOf(unit: Unit): Lags {
    return new Map(unit.flatMap((of) => [...(this.#lags.get(keyOf(of)) ?? [])]))
  }

  /** Who could go on with it at once, the best first. */
  #holders(unit: Unit): readonly string[] {
    const { acceptableRecoveryLag, standbys } = this.#options
    const max = standbys > 0 ? acceptableRecoveryLag : ownersLag
    return [...this.#lagsOf(unit)]
      .filter(([, lag]) => lag <= max)
      .sort((a, b) => a[1] - b[1])
      .map(([member]) => member)
  }

  #activate(unit: Unit, home: string): void {
    const isStateful = unit.some(({ topic }) => this.#options.isStateful(topic))
    const [holder] = this.#options.standbys > 0 && isStateful ? this.#holders(unit) : []
    if (holder === undefined || this.#holders(unit).includes(home)) {
      this.#give(this.#active, home, unit)
      return
    }
    this.#give(this.#active, holder, unit)
    const warming = [...this.#warmups.values()].flat().length
    if (warming < warmupsMax) this.#give(this.#warmups, home, unit)
  }

  /** To who has a copy already, and to who has the fewest. */
  #copy(unit: Unit, units: number): void {
    const { standbys } = this.#options
    const share = Math.ceil((units * standbys) / this.#members.length)
    const lags = this.#lagsOf(unit)
    const load = (member: string) => this.#of(this.#copies, member).length
    const isKept = (member: string) => lags.has(member) && load(member) < share
    const others = this.#members.filter((member) => !this.#of(this.#active, member).includes(unit))
    const ranked = others.sort((a, b) => Number(isKept(b)) - Number(isKept(a)) || load(a) - load(b))
    for (const member of ranked.slice(0, standbys)) this.#give(this.#copies, member, unit)
  }

  #of(units: ReadonlyMap<string, readonly Unit[]>, member: string): readonly Unit[] {
    return units.get(member) ?? []
  }

  #give(to: Map<string, Unit[]>, member: string, unit: Unit): void {
    to.set(member, [...this.#of(to, member), unit])
  }
}
