import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Checkpoint, type Reach } from '../../src/state/checkpoint.ts'
import { DiskDirectory } from '../../src/storage/disk.ts'
import { Machine } from '../../src/testing/simulation/machine.ts'
import { seededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulation/simulated-disk.ts'
import { VirtualTime } from '../../src/testing/simulation/virtual-time.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rivulet-checkpoint-'))
  path = join(directory, 'task', 'store.checkpoint')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const folder = () => new DiskDirectory(dirname(path))
const name = 'store.checkpoint'
const reach = (nextOffset: number): Reach => ({ nextOffset, lastOffset: nextOffset - 1, knownAtMs: 0 })

const failed = (error: unknown) => {
  throw error
}

type Entry = readonly [key: string, value: string | null]

function changes(...entries: readonly Entry[]) {
  return {
    keys: entries.map(([key]) => Buffer.from(key)),
    values: entries.map(([, value]) => (value === null ? null : Buffer.from(value))),
    timestampsMs: entries.map((_, i) => i),
  }
}

async function loaded(
  identity = 'log/0',
): Promise<{ offset: number | undefined; rows: Map<string, string> }> {
  const checkpoint = new Checkpoint({ folder, name, identity, failed })
  const rows = new Map<string, string>()
  const covered = await checkpoint.load((key, value) => {
    if (value === null) rows.delete(key.toString())
    else rows.set(key.toString(), value.toString())
  })
  await checkpoint.close()
  return { offset: covered?.nextOffset, rows }
}

async function written(...commits: readonly (readonly Entry[])[]): Promise<void> {
  const checkpoint = new Checkpoint({ folder, name, identity: 'log/0', failed })
  await Promise.all(commits.map((entries, i) => checkpoint.append(changes(...entries), reach((i + 1) * 10))))
  await checkpoint.close()
}

describe('a checkpoint', () => {
  test('holds what was committed, and where the changelog leads on', async () => {
    await written(
      [
        ['a', '1'],
        ['b', '1'],
      ],
      [['a', '2']],
      [['b', null]],
    )
    expect(await loaded()).toEqual({ offset: 30, rows: new Map([['a', '2']]) })
  })

  test('of nothing is nothing', async () => {
    expect(await loaded()).toEqual({ offset: undefined, rows: new Map() })
  })

  test('of another store is not taken for this one', async () => {
    await written([['a', '1']])
    expect(await loaded('log/1')).toEqual({ offset: undefined, rows: new Map() })
  })

  test('goes on behind what it has when it is opened again, and begins anew when it is not loaded', async () => {
    await written([['a', '1']])
    const again = new Checkpoint({ folder, name, identity: 'log/0', failed })
    await again.load(() => {})
    await again.append(changes(['b', '2']), reach(50))
    await again.close()
    expect(await loaded()).toEqual({
      offset: 50,
      rows: new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    })
    await written([['c', '3']])
    expect((await loaded()).rows).toEqual(new Map([['c', '3']]))
  })

  test('that ends in zeros, as a loss of power leaves them, is read up to there', async () => {
    await written([['a', '1']])
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(100)]))
    expect(await loaded()).toMatchObject({ offset: 10, rows: new Map([['a', '1']]) })
  })

  test('torn or damaged anywhere, holds the commits before that place and no more', async () => {
    await written([['a', '1']], [['a', '2']], [['a', '3']])
    const whole = await readFile(path)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.boolean(), async (at, tear) => {
        const damaged = Buffer.from(whole)
        damaged.writeUInt8((damaged[at] as number) ^ 0x5a, at)
        await writeFile(path, tear ? whole.subarray(0, at) : damaged)
        const { offset, rows } = await loaded()
        expect([undefined, 10, 20]).toContain(offset)
        expect(rows).toEqual(offset === undefined ? new Map() : new Map([['a', String(offset / 10)]]))
      }),
      { numRuns: 200 },
    )
  })

  test('stays small however often a key changes, and forgets what its store has forgotten', async () => {
    const checkpoint = new Checkpoint({ folder, name, identity: 'log/0', forgetAfterMs: 1_000, failed })
    const value = Buffer.alloc(100_000)
    for (let i = 0; i < 200; i++) {
      const keys = [Buffer.from('hot'), Buffer.from(`window ${i}`)]
      await checkpoint.append(
        { keys, values: [value, Buffer.from('w')], timestampsMs: [i * 100, i * 100] },
        reach(i),
      )
    }
    await checkpoint.close()
    expect((await stat(path)).size).toBeLessThan(9 * 1024 * 1024)
    const { offset, rows } = await loaded()
    expect(offset).toBe(199)
    expect(rows.has('window 199')).toBe(true)
    expect(rows.has('window 0')).toBe(false)
  })

  test('on a disk that loses its power holds the first of its commits, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 20 }), async (seed, commits) => {
        const disk = new SimulatedDisk()
        const on = () => disk.openedBy(new Machine('any', new VirtualTime(), seededRandom(1)))
        const checkpoint = new Checkpoint({ folder: on, name, identity: 'log/0', failed })
        for (let i = 1; i <= commits; i++) await checkpoint.append(changes(['a', `${i}`]), reach(i))
        disk.losePower(seededRandom(seed))
        const values: (string | undefined)[] = []
        const again = new Checkpoint({ folder: on, name, identity: 'log/0', failed })
        const covered = await again.load((_, value) => values.push(value?.toString()))
        expect(values).toEqual(Array.from({ length: covered?.nextOffset ?? 0 }, (_, i) => `${i + 1}`))
        // What follows is behind what is left.
        await again.append(changes(['a', 'next']), reach(commits + 1))
        const last: (string | undefined)[] = []
        await again.load((_, value) => last.push(value?.toString()))
        expect(last).toEqual([...values, 'next'])
      }),
    )
  })

  test('on a disk that is full says so once, and gives back the room that it had', async () => {
    const disk = new SimulatedDisk()
    const on = () => disk.openedBy(new Machine('any', new VirtualTime(), seededRandom(1)))
    const errors: unknown[] = []
    const checkpoint = new Checkpoint({
      ...{ folder: on, name, identity: 'log/0' },
      failed: (error) => errors.push(error),
    })
    await checkpoint.append(changes(['a', '1']), reach(1))
    disk.bytesMax = disk.sizeBytes
    await checkpoint.append(changes(['a', '2']), reach(2))
    await checkpoint.append(changes(['a', '3']), reach(3))
    expect(errors).toEqual([expect.objectContaining({ code: 'ENOSPC' })])
    expect(disk.sizeBytes).toBe(0)
  })

  test.each([
    ['a folder lies in its place', () => mkdir(path, { recursive: true })],
    ['its folder is a file', () => writeFile(join(directory, 'task'), '')],
  ])('where %s, says so once and is none', async (_, obstruct) => {
    await obstruct()
    const errors: unknown[] = []
    const checkpoint = new Checkpoint({
      folder,
      name,
      identity: 'log/0',
      failed: (error) => errors.push(error),
    })
    expect(await checkpoint.load(() => {})).toBeUndefined()
    await checkpoint.append(changes(['a', '1']), reach(10))
    await checkpoint.close()
    expect(errors).toEqual([
      expect.objectContaining({ code: expect.stringMatching(/^(EISDIR|ENOTDIR|EEXIST)$/) }),
    ])
  })

  test('that can no longer be written leaves no file that grows older', async () => {
    await written([['a', '1']])
    const errors: unknown[] = []
    const checkpoint = new Checkpoint({
      folder,
      name,
      identity: 'log/0',
      failed: (error) => errors.push(error),
    })
    await checkpoint.load(() => {})
    await checkpoint.append(changes(['b', '1']), reach(20))
    // Its next rewriting finds no room for the new file.
    await mkdir(`${path}.new`)
    await checkpoint.append(changes(['c', 'x'.repeat(9 * 1024 * 1024)]), reach(30))
    await checkpoint.close()
    expect(errors).toHaveLength(1)
    expect(await loaded()).toEqual({ offset: undefined, rows: new Map() })
  })
})
