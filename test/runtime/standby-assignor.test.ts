import { describe, expect, test } from 'vitest'
import type { GroupMember } from '../../src/kafka/types.ts'
import { decodeAssignmentInfo, encodeStanding, type StandbyCopy } from '../../src/runtime/assignment-info.ts'
import { standbyAssignor } from '../../src/runtime/standby-assignor.ts'

const of = (partition: number) => ({ topic: 'in', partition })
const copy = (partition: number, lag: number): StandbyCopy => ({ ...of(partition), lag })

/** What a member has when it joins: partitions, and copies by partition and lag. */
function member(memberId: string, held: readonly number[], copies: readonly StandbyCopy[] = []): GroupMember {
  return { memberId, userData: encodeStanding({ held: held.map(of), copies }) }
}

/** Partitions that each one is given, keeps copies of, and is to get when those have caught up. */
function assigned(members: readonly GroupMember[], standbys = 1, partitions = 4) {
  const partitionCounts = new Map([['in', partitions]])
  const assignor = standbyAssignor({
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
