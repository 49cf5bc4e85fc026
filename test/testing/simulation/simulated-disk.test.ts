import { describe, expect, test } from 'vitest'
import { SimulatedDisk } from '../../../src/testing/simulation/simulated-disk.ts'
import { World } from '../../../src/testing/simulation/world.ts'

describe('the simulated disk', () => {
  test('keeps all of a process that dies, and does nothing more for it', () => {
    const world = new World(1)
    const disk = new SimulatedDisk()
    const first = world.machine('first')
    const file = disk.openedBy(first).directory('logs').open('a.log')
    file.append(Buffer.from('written'))
    first.kill()
    file.append(Buffer.from(' too late'))
    disk.openedBy(first).directory('logs').remove('a.log')
    const again = disk.openedBy(world.machine('second')).directory('logs')
    expect(again.files()).toEqual(['a.log'])
    expect(String(again.open('a.log').read(0, 100))).toBe('written')
  })

  test('keeps through a loss of power what was synced, and of the rest a part at most', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const world = new World(seed)
      const disk = new SimulatedDisk()
      const file = disk.openedBy(world.machine('m')).open('a.log')
      file.append(Buffer.alloc(1_000, 1))
      await world.ended(file.sync(), 100)
      file.append(Buffer.alloc(1_000, 2))
      disk.losePower(world.random)
      const left = disk.openedBy(world.machine('n')).open('a.log').read(0, 5_000)
      expect(left.subarray(0, 1_000)).toEqual(Buffer.alloc(1_000, 1))
      expect(left.length).toBeLessThanOrEqual(2_000)
    }
  })

  test('counts as synced only what was written before the sync began', async () => {
    const world = new World(1)
    const disk = new SimulatedDisk()
    const file = disk.openedBy(world.machine('m')).open('a.log')
    file.append(Buffer.from('before'))
    const synced = file.sync()
    file.append(Buffer.from(' after'))
    await world.ended(synced, 100)
    disk.losePower(() => 0)
    expect(String(disk.openedBy(world.machine('n')).open('a.log').read(0, 100))).toBe('before')
  })

  test('is full when it is', () => {
    const disk = new SimulatedDisk()
    disk.bytesMax = 10
    const file = disk.openedBy(new World(1).machine('m')).open('a.log')
    file.append(Buffer.alloc(10))
    expect(() => file.append(Buffer.alloc(1))).toThrow('ENOSPC')
    expect(file.sizeBytes).toBe(10)
  })
})
