import { beforeEach, expect, test } from 'vitest'
import { errorCodes } from '../../../src/broker/protocol/error-codes.ts'
import { SimulatedPlacement } from '../../../src/testing/simulation/simulated-placement.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { openLog } from '../../broker/support.ts'

const nodes = [1, 2, 3].map((nodeId) => ({ nodeId, host: `broker-${nodeId}`, port: 9_092 }))
const log = openLog()

let world: World
let placement: SimulatedPlacement

beforeEach(() => {
  world = new World(1)
  placement = new SimulatedPlacement(world.time, world.random, nodes)
})

const { none } = errorCodes
const leaders = () => nodes.filter(({ nodeId }) => placement.seenBy(nodeId).leaderFault(log) === none)
const coordinators = () =>
  nodes.filter(({ nodeId }) => placement.seenBy(nodeId).coordinatorFault('group', 'g') === none)

test('one node leads a partition, and one coordinates a group', () => {
  expect(leaders()).toHaveLength(1)
  expect(coordinators()).toHaveLength(1)
  const [leader] = leaders()
  for (const { nodeId } of nodes) expect(placement.seenBy(nodeId).leaderOf(log).nodeId).toBe(leader?.nodeId)
})

test('another one leads after a move, in the next epoch, when all have heard of it', async () => {
  const [leader] = leaders()
  const { leaderEpoch } = log
  placement.move('leader', 0)
  expect(log.leaderEpoch).toBe(leaderEpoch + 1)
  expect(placement.seenBy(leader?.nodeId ?? 0).leaderFault(log)).toBe(errorCodes.notLeaderOrFollower)
  await world.pass(1_000)
  const [next] = leaders()
  expect(next?.nodeId).not.toBe(leader?.nodeId)
  expect(placement.seenBy(1).leaderOf(log)).toEqual({ nodeId: next?.nodeId, epoch: leaderEpoch + 1 })
})

test('a coordinator that has just become one loads first', async () => {
  const [before] = coordinators()
  placement.move('coordinator', 0)
  const faults = new Set<number>()
  for (let ms = 0; ms < 3_000; ms += 50) {
    for (const { nodeId } of nodes) faults.add(placement.seenBy(nodeId).coordinatorFault('group', 'g'))
    await world.pass(50)
  }
  const { notCoordinator, coordinatorLoadInProgress } = errorCodes
  expect(faults).toEqual(new Set([notCoordinator, coordinatorLoadInProgress, none]))
  const [next] = coordinators()
  expect(next?.nodeId).not.toBe(before?.nodeId)
})

test('the others take over from a node that died, and it gets nothing back that they have', async () => {
  const [leader] = leaders()
  placement.down(leader?.nodeId ?? 0)
  await world.pass(20_000)
  const [next] = leaders()
  expect(next?.nodeId).not.toBe(leader?.nodeId)
  expect(placement.seenBy(next?.nodeId ?? 0).nodes).toHaveLength(2)
  placement.up(leader?.nodeId ?? 0)
  expect(placement.seenBy(1).nodes).toHaveLength(3)
  expect(leaders()).toEqual([next])
})
