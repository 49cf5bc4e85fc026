import { describe, expect, test } from 'vitest'
import { Group } from '../../../src/broker/group/group.ts'
import type { JoinAnswer } from '../../../src/broker/group/requests.ts'
import { errorCodes } from '../../../src/broker/protocol/error-codes.ts'
import { settle, virtualClock } from '../support.ts'

const { none, fencedInstanceId, memberIdRequired, unknownMemberId, illegalGeneration, rebalanceInProgress } =
  errorCodes

function setUp(options: { membersMax?: number; initialRebalanceDelayMs?: number } = {}) {
  const clock = virtualClock()
  let count = 0
  const group = new Group('g', {
    ...{ clock, membersMax: 10, initialRebalanceDelayMs: 0, newMemberId: () => `m${++count}` },
    ...options,
  })
  const request = (memberId: string, protocols = ['range'], instanceId: string | null = null) => ({
    ...{
      memberId,
      instanceId,
      clientId: 'c',
      clientHost: 'h',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
    },
    protocolType: 'consumer',
    learnsIdFirst: true,
    protocols: protocols.map((name) => ({ name, metadata: Buffer.from(`${memberId} ${name}`) })),
  })
  /** Joins as a new client does: gets an id, comes back with it. */
  const enter = async (protocols?: string[]) => {
    const { memberId, errorCode } = await group.join(request('', protocols))
    expect(errorCode).toBe(memberIdRequired)
    return { memberId, joined: Promise.resolve(group.join(request(memberId, protocols))) }
  }
  const enterAs = (instanceId: string, memberId = '') =>
    Promise.resolve(group.join(request(memberId, undefined, instanceId)))
  /** Joins as an older client does, which knows nothing of ids that are handed out before. */
  const enterAtOnce = () => Promise.resolve(group.join({ ...request(''), learnsIdFirst: false }))
  const rejoin = (memberId: string) => Promise.resolve(group.join(request(memberId)))
  const share = (answer: JoinAnswer) =>
    Promise.resolve(
      group.sync({
        memberId: answer.memberId,
        instanceId: null,
        generation: answer.generation,
        assignments: answer.members.map(({ memberId }) => ({
          memberId,
          assignment: Buffer.from(`of ${memberId}`),
        })),
      }),
    )
  return { clock, group, enter, enterAs, enterAtOnce, rejoin, share }
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  void promise.then(() => {
    pending = false
  })
  await settle()
  return pending
}

describe('a consumer group', () => {
  test('makes its first member the leader, and gives it what it assigns itself', async () => {
    const { group, enter, share } = setUp()
    const joined = await (await enter()).joined
    expect(joined).toMatchObject({ errorCode: none, generation: 1, leaderId: 'm1', protocol: 'range' })
    expect(joined.members).toEqual([{ memberId: 'm1', instanceId: null, metadata: Buffer.from('m1 range') }])
    expect(await share(joined)).toEqual({ errorCode: none, assignment: Buffer.from('of m1') })
    expect(group.state).toBe('Stable')
  })

  test('takes in an older client at once, and no more members than allowed', async () => {
    const { group, enterAtOnce, share, rejoin } = setUp({ membersMax: 2 })
    const first = await enterAtOnce()
    expect(first).toMatchObject({ errorCode: none, memberId: 'm1', leaderId: 'm1', generation: 1 })
    await share(first)
    const second = enterAtOnce()
    expect(group.heartbeat('m1', 1)).toBe(rebalanceInProgress)
    expect(await rejoin('m1')).toMatchObject({ generation: 2, leaderId: 'm1' })
    expect(await second).toMatchObject({ errorCode: none, memberId: 'm2', members: [] })
    expect(await enterAtOnce()).toMatchObject({ errorCode: errorCodes.groupMaxSizeReached })
  })

  test('answers no join before all members have joined', async () => {
    const { group, enter, rejoin, share } = setUp()
    const first = await enter()
    await share(await first.joined)
    const second = await enter()
    expect(await isPending(second.joined)).toBe(true)
    expect(group.heartbeat('m1', 1)).toBe(rebalanceInProgress)
    const [one, two] = await Promise.all([rejoin('m1'), second.joined])
    expect([one.generation, two.generation]).toEqual([2, 2])
    expect([one.members.length, two.members.length]).toEqual([2, 0])
    const shareOfTwo = share(two)
    expect(await isPending(shareOfTwo)).toBe(true)
    await share(one)
    expect((await shareOfTwo).assignment).toEqual(Buffer.from('of m2'))
  })

  test('goes on without a member that does not join again within its rebalance timeout', async () => {
    const { clock, group, enter, share } = setUp()
    await share(await (await enter()).joined)
    const second = await enter()
    for (let i = 0; i < 4; i++) {
      await clock.advance(7_000)
      // It is alive, but busy with something else.
      expect(group.heartbeat('m1', 1)).toBe(rebalanceInProgress)
      expect(await isPending(second.joined)).toBe(true)
    }
    await clock.advance(7_000)
    expect(await second.joined).toMatchObject({ leaderId: 'm2', generation: 2 })
    expect(group.heartbeat('m1', 1)).toBe(unknownMemberId)
  })

  test('drops a member whose session times out, and rebalances', async () => {
    const { clock, group, enter, rejoin, share } = setUp()
    await share(await (await enter()).joined)
    const second = await enter()
    const [one, two] = await Promise.all([rejoin('m1'), second.joined])
    await Promise.all([share(one), share(two)])
    await clock.advance(6_000)
    expect(group.heartbeat('m1', 2)).toBe(none)
    await clock.advance(6_000)
    expect([...group.members].map(({ id }) => id)).toEqual(['m1'])
    expect(group.heartbeat('m1', 2)).toBe(rebalanceInProgress)
    expect((await rejoin('m1')).generation).toBe(3)
  })

  test('refuses members of another generation, and those it does not know', async () => {
    const { group, enter, share } = setUp()
    await share(await (await enter()).joined)
    expect(group.heartbeat('m1', 0)).toBe(illegalGeneration)
    expect(group.checkCommit({ memberId: 'm1', instanceId: null, generation: 0 })).toBe(illegalGeneration)
    expect(group.checkCommit({ memberId: 'stranger', instanceId: null, generation: 1 })).toBe(unknownMemberId)
    expect(group.checkCommit({ memberId: '', instanceId: null, generation: -1 })).toBe(unknownMemberId)
    expect(group.checkCommit({ memberId: 'm1', instanceId: null, generation: 1 })).toBe(none)
    group.leave('m1')
    expect(group.checkCommit({ memberId: '', instanceId: null, generation: -1 })).toBe(none)
  })

  test('drops who joined but never fetched its share, and rebalances without it', async () => {
    const { clock, group, enter, rejoin, share } = setUp()
    await share(await (await enter()).joined)
    const second = await enter()
    const [, two] = await Promise.all([rejoin('m1'), second.joined])
    const shareOfTwo = share(two)
    for (let i = 0; i < 5; i++) {
      await clock.advance(7_000)
      group.heartbeat('m1', two.generation) // The leader is alive, but assigns nothing.
    }
    expect((await shareOfTwo).errorCode).toBe(rebalanceInProgress)
    expect([...group.members].map(({ id }) => id)).toEqual(['m2'])
    expect(await rejoin('m2')).toMatchObject({ leaderId: 'm2', generation: 3 })
  })

  test('forgets an id that it handed out and that nobody used', async () => {
    const { clock, group } = setUp()
    const lost = await group.join({
      ...{
        memberId: '',
        instanceId: null,
        clientId: 'c',
        clientHost: 'h',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
      },
      protocolType: 'consumer',
      learnsIdFirst: true,
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    expect(group.isDeserted).toBe(false)
    await clock.advance(10_001)
    expect(group.isDeserted).toBe(true)
    expect(group.leave(lost.memberId)).toBe(unknownMemberId)
  })

  test('uses a protocol that all members know, and refuses who knows none of them', async () => {
    const { enter, group } = setUp()
    expect((await (await enter(['sticky', 'range'])).joined).protocol).toBe('sticky')
    const stranger = await group.join({
      ...{
        memberId: '',
        instanceId: null,
        clientId: 'c',
        clientHost: 'h',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
      },
      protocolType: 'consumer',
      learnsIdFirst: true,
      protocols: [{ name: 'other', metadata: Buffer.alloc(0) }],
    })
    expect(stranger.errorCode).toBe(errorCodes.inconsistentGroupProtocol)
  })

  test('takes no more members than it may', async () => {
    const { enter, group } = setUp({ membersMax: 1 })
    const { joined } = await enter()
    await joined
    const refused = await group.join({
      ...{
        memberId: '',
        instanceId: null,
        clientId: 'c',
        clientHost: 'h',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
      },
      protocolType: 'consumer',
      learnsIdFirst: true,
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    expect(refused.errorCode).toBe(errorCodes.groupMaxSizeReached)
  })

  test('waits with its first rebalance as long as it is told to', async () => {
    const { clock, enter } = setUp({ initialRebalanceDelayMs: 3_000 })
    const first = await enter()
    const second = await enter()
    expect(await isPending(first.joined)).toBe(true)
    await clock.advance(3_001)
    expect((await first.joined).members).toHaveLength(2)
    expect((await second.joined).generation).toBe(1)
  })

  test('gives a member that comes again under its name its share, and nobody else hears of it', async () => {
    const { clock, group, enterAs, share } = setUp()
    const first = await enterAs('ann')
    await share(first)
    const bob = enterAs('bob')
    const [ann, joined] = await Promise.all([enterAs('ann', first.memberId), bob])
    expect(ann.members.map(({ instanceId }) => instanceId)).toEqual(['ann', 'bob'])
    await Promise.all([share(ann), share(joined)])

    for (const [name, before] of [
      ['bob', joined],
      ['ann', ann],
    ] as const) {
      const again = await enterAs(name)
      expect(again).toMatchObject({ errorCode: none, generation: 2, members: [] })
      expect(again.memberId).not.toBe(before.memberId)
      // It is not asked to assign: its old self had led.
      expect(again.leaderId).not.toBe(again.memberId)
      expect(await share(again)).toEqual({
        errorCode: none,
        assignment: Buffer.from(`of ${before.memberId}`),
      })
      expect(group.heartbeat(before.memberId, 2, name)).toBe(fencedInstanceId)
      expect(group.heartbeat(again.memberId, 2, name)).toBe(none)
    }
    expect([group.state, group.generation, group.members.size]).toEqual(['Stable', 2, 2])
    await clock.advance(10_000)
    expect(group.members.size).toBe(0)
  })

  test('takes a member that comes under a name in the middle of a rebalance into it, in place of its old self', async () => {
    const { group, enter, enterAs, share } = setUp()
    await share(await enterAs('ann'))
    const bob = await enter()
    expect(await isPending(bob.joined)).toBe(true)
    const [ann, joined] = await Promise.all([enterAs('ann'), bob.joined])
    expect([ann.generation, joined.generation, group.members.size]).toEqual([2, 2, 2])
  })
})
