import { describe, expect, test } from 'vitest'
import { assignCooperatively, type MemberClaim } from '../../src/kafka/assignor.ts'
import type { GroupMember, TopicPartition } from '../../src/kafka/types.ts'
import { decodeAssignmentInfo, encodeStanding, type StandbyCopy } from '../../src/runtime/assignment-info.ts'
import { standbyAssignor } from '../../src/runtime/standby-assignor.ts'
import { seededRandom } from '../../src/testing/simulation/seeded-random.ts'

const of = (partition: number) => ({ topic: 'in', partition })
const copy = (partition: number, lag: number): StandbyCopy => ({ ...of(partition), lag })

/** What a member has when it joins: partitions, and copies by partition and lag. */
function member(memberId: string, held: readonly number[], copies: readonly StandbyCopy[] = []): GroupMember {
  return { memberId, userData: encodeStanding({ held: held.map(of), copies }) }
}

function assignorOf(standbys: number) {
  return standbyAssignor({
    name: 'tasks',
    groups: [['in']],
    standbys,
    applicationServer: undefined,
    acceptableRecoveryLag: 100,
    isStateful: () => true,
    held: () => [],
    copies: () => [],
    assigned: () => {},
  })
}

/** Partitions that each one is given, keeps copies of, and is to get when those have caught up. */
function assigned(members: readonly GroupMember[], standbys = 1, partitions = 4) {
  const partitionCounts = new Map([['in', partitions]])
  const assignor = assignorOf(standbys)
  const active = assignor.assign(members, partitionCounts)
  const told = assignor.assignmentData?.(members, partitionCounts)
  return Object.fromEntries(
    members.map(({ memberId }) => {
      const { copies, warmups } = decodeAssignmentInfo(told?.get(memberId) ?? Buffer.alloc(0))
      const numbers = (all: readonly { readonly partition: number }[] = []) =>
        [...new Set(all.map(({ partition }) => partition))].sort()
      return [
        memberId,
        { active: numbers(active.get(memberId)), copies: numbers(copies), warmups: numbers(warmups) },
      ]
    }),
  )
}

describe('with a standby of each task', () => {
  test('a copy is never where its task is', () => {
    const placed = assigned([member('a', []), member('b', [])])
    expect(placed.a?.copies).toEqual(placed.b?.active)
    expect(placed.b?.copies).toEqual(placed.a?.active)
  })

  test('one instance alone keeps no copies', () => {
    expect(assigned([member('a', [0, 1, 2, 3])]).a).toEqual({ active: [0, 1, 2, 3], copies: [], warmups: [] })
  })

  test('who comes with nothing gets copies first', () => {
    const placed = assigned([member('a', [0, 1, 2, 3]), member('b', [])])
    expect(placed.a?.active).toEqual([0, 1, 2, 3])
    expect(placed.b).toEqual({ active: [], copies: [0, 1, 2, 3], warmups: [2, 3] })
  })

  test('two tasks at a time have copies on top, whoever is to get them', () => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    const placed = assigned([member('a', all), member('b', []), member('c', [])], 1, all.length)
    const warmups = [placed.a, placed.b, placed.c].flatMap((each) => each?.warmups ?? [])
    expect(warmups).toHaveLength(2)
  })

  test('a task goes to where it belongs when its copy there has caught up', () => {
    const members = (lag: number) => [
      member('a', [0, 1, 2, 3]),
      member('b', [], [copy(2, lag), copy(3, lag)]),
    ]
    expect(assigned(members(101)).b).toMatchObject({ active: [], warmups: [2, 3] })
    expect(assigned(members(100)).b).toMatchObject({ active: [2, 3], warmups: [] })
  })

  test('whose owner has died goes to who has a copy of it, also beyond its share', () => {
    const placed = assigned([member('a', [0], [copy(1, 5), copy(2, 5), copy(3, 5)]), member('b', [])])
    expect(placed.a?.active).toEqual([0, 1, 2, 3])
    expect(placed.b?.warmups).toHaveLength(2)
  })

  test('of two copies the one that is less behind takes over', () => {
    const placed = assigned([member('a', [0], [copy(3, 50)]), member('b', [1], [copy(3, 7)])], 2)
    expect(placed.b?.active).toContain(3)
  })

  test('a task that nobody has a copy of is shared out as without standbys', () => {
    const placed = assigned([member('a', [0]), member('b', [1])])
    expect(placed.a?.active).toHaveLength(2)
    expect(placed.b?.active).toHaveLength(2)
  })

  test('what is still given up elsewhere stays a copy until it comes', () => {
    const placed = assigned([member('a', [0, 1, 2, 3]), member('b', [], [copy(2, 0), copy(3, 0)])])
    expect(placed.b?.copies).toEqual(expect.arrayContaining([2, 3]))
  })
})

test('without standbys nobody keeps copies, and who comes gets its share at once', () => {
  const placed = assigned([member('a', [0, 1, 2, 3]), member('b', [])], 0)
  expect(placed.b).toEqual({ active: [2, 3], copies: [], warmups: [] })
})

/** Members of a group whose copies catch up, some of them at once and some later. */
class Group {
  readonly #partitions: number
  readonly #standbys: number
  readonly #random: () => number
  readonly #members: Standing[] = []
  #made = 0
  #generation = 0

  constructor(partitions: number, standbys: number, random: () => number) {
    this.#partitions = partitions
    this.#standbys = standbys
    this.#random = random
  }

  get tasks(): readonly number[] {
    return this.#members.map(({ owned }) => owned.length)
  }

  get copies(): number {
    return this.#members.flatMap(({ copies }) => [...copies]).length
  }

  comes(): void {
    // Members are dealt with in the order of their ids.
    const memberId = `${Math.floor(this.#random() * 1_000)} ${++this.#made}`
    this.#members.push({ memberId, generation: -1, owned: [], copies: new Map(), warmups: [] })
  }

  dies(): void {
    this.#members.splice(Math.floor(this.#random() * this.#members.length), 1)
  }

  /** True: somebody has to give something up, and then all join again. */
  joins(): boolean {
    const joined = this.#members.map(({ memberId, generation, owned, copies }) => ({
      memberId,
      claim: { generation, owned, userData: standingOf(owned, copies) } satisfies MemberClaim,
    }))
    const counts = new Map([['in', this.#partitions]])
    const given = assignCooperatively(assignorOf(this.#standbys), joined, counts)
    this.#generation++
    const moving = this.#members.map((member) => {
      const { partitions = [], userData = Buffer.alloc(0) } = given.get(member.memberId) ?? {}
      const has = new Set(partitions.map(({ partition }) => partition))
      const { copies, warmups } = decodeAssignmentInfo(userData)
      const kept = copies.filter(({ partition }) => !has.has(partition))
      const isMoving = member.owned.some(({ partition }) => !has.has(partition))
      member.copies = new Map(kept.map(({ partition }) => [partition, member.copies.get(partition)]))
      Object.assign(member, { generation: this.#generation, owned: partitions, warmups })
      return isMoving
    })
    return moving.includes(true)
  }

  /** So much of what is copied comes near. True: somebody has all that it waited for, and says so. */
  catchesUp(share: number): boolean {
    for (const { copies } of this.#members)
      for (const partition of copies.keys()) if (this.#random() < share) copies.set(partition, 0)
    return this.#members.some(({ warmups, copies }) => {
      return warmups.length > 0 && warmups.every(({ partition }) => copies.get(partition) === 0)
    })
  }
}

interface Standing {
  readonly memberId: string
  generation: number
  owned: readonly TopicPartition[]
  /** How far behind, by partition; undefined: it has not come near yet. */
  copies: Map<number, number | undefined>
  warmups: readonly TopicPartition[]
}

function standingOf(held: readonly TopicPartition[], copies: Standing['copies']): Buffer {
  const near = [...copies].flatMap(([partition, lag]) => (lag === undefined ? [] : copy(partition, lag)))
  return encodeStanding({ held, copies: near })
}

test('whatever has come and gone, all have their share and each task its copies a few rounds later', () => {
  const instances = 3
  const roundsMax = 12
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed)
    const [partitions, standbys] = [2 + Math.floor(random() * 9), 1 + Math.floor(random() * 2)]
    const group = new Group(partitions, standbys, random)
    for (let i = 0; i < instances; i++) group.comes()
    for (let change = 0; change < 8; change++) {
      if (change % 2 === 0) group.dies()
      else group.comes()
      for (let rounds = Math.floor(random() * 4); rounds > 0; rounds--) {
        group.joins()
        group.catchesUp(0.5)
      }
    }
    let rounds = 0
    for (let goesOn = true; goesOn && rounds < roundsMax; rounds++) {
      const isMoving = group.joins()
      goesOn = group.catchesUp(1) || isMoving
    }
    expect(rounds, `seed ${seed}`).toBeLessThan(roundsMax)
    expect(Math.max(...group.tasks), `seed ${seed}`).toBe(Math.ceil(partitions / instances))
    expect(group.copies, `seed ${seed}`).toBe(partitions * standbys)
  }
})
