import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { DiskTable } from '../../src/state/disk-table.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'
import { Machine } from '../../src/testing/simulation/machine.ts'
import { seededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulation/simulated-disk.ts'
import { VirtualTime } from '../../src/testing/simulation/virtual-time.ts'

type Change = readonly [key: string, value: string | null]

/** So small that a few commits fill several files. */
const segmentBytes = 400

class Site {
  readonly problems: unknown[] = []
  readonly disk = new SimulatedDisk()
  readonly #time = new VirtualTime()
  readonly #machine = new Machine('any', this.#time, seededRandom(1))

  get folder(): LogDirectory {
    return this.disk.openedBy(this.#machine)
  }

  open(identity = 'log/0'): DiskTable {
    const failed = (error: unknown) => this.problems.push(error)
    return new DiskTable({ folder: () => this.folder, identity, clock: systemClock, segmentBytes, failed })
  }

  /** What was asked of the medium is done. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      while (this.#time.step());
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

function append(table: DiskTable, commit: number, ...changes: readonly Change[]): void {
  table.append(
    {
      keys: changes.map(([key]) => Buffer.from(key)),
      values: changes.map(([, value]) => (value === null ? null : Buffer.from(value))),
      timestampsMs: changes.map(() => commit),
    },
    { nextOffset: commit, lastOffset: commit - 1, knownAtMs: 0 },
  )
}

function contents(table: DiskTable): Map<string, string> {
  const rows = [...table.rows()]
  expect(rows).toHaveLength(table.size)
  for (const { key, value } of rows) expect(table.get(key)?.value).toEqual(value)
  return new Map(rows.map(({ key, value }) => [String(key), String(value)]))
}

/** Of each commit what was there behind it; of 0, nothing. */
function history(commits: readonly (readonly Change[])[]): readonly Map<string, string>[] {
  const rows = new Map<string, string>()
  const states = [new Map<string, string>()]
  for (const changes of commits) {
    for (const [key, value] of changes) {
      if (value === null) rows.delete(key)
      else rows.set(key, value)
    }
    states.push(new Map(rows))
  }
  return states
}

const changes = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    fc.option(fc.string({ maxLength: 400, minLength: 0 }), { freq: 4 }),
  ),
  { maxLength: 6 },
)
const commits = fc.array(changes, { minLength: 1, maxLength: 40 })

describe('the rows on disk', () => {
  test('are the newest of each key, before and after a restart, while old ones are cleaned away', async () => {
    await fc.assert(
      fc.asyncProperty(commits, fc.nat(39), async (all, restartAt) => {
        const site = new Site()
        let table = site.open()
        await table.load()
        const expected = history(all)
        for (const [i, each] of all.entries()) {
          append(table, i + 1, ...each)
          expect(contents(table)).toEqual(expected[i + 1])
          await site.settle()
          if (i !== restartAt) continue
          await table.close()
          table = site.open()
          expect(await table.load()).toMatchObject({ nextOffset: i + 1 })
          expect(contents(table)).toEqual(expected[i + 1])
        }
      }),
      { numRuns: 60 },
    )
  })

  test('take no more than a few times the room of what counts, however often they change', async () => {
    const site = new Site()
    const table = site.open()
    for (let i = 1; i <= 2_000; i++) {
      append(table, i, [`key ${i % 7}`, 'x'.repeat(50)], ['cold', 'never changes'])
      await site.settle()
    }
    expect(site.disk.sizeBytes).toBeLessThan(20 * segmentBytes)
    expect(contents(table).size).toBe(8)
  })

  test('damaged or cut off anywhere, are those of a commit, or none at all', async () => {
    await fc.assert(
      fc.asyncProperty(commits, fc.nat(), fc.boolean(), async (all, at, cuts) => {
        const site = new Site()
        const table = site.open()
        for (const [i, each] of all.entries()) {
          append(table, i + 1, ...each)
          await site.settle()
        }
        await table.close()
        damage(site.folder, at, cuts)
        const again = site.open()
        const covered = await again.load()
        expect(contents(again)).toEqual(history(all)[covered?.nextOffset ?? 0])
        for (const problem of site.problems) expect(problem).toMatchObject({ code: 'LOG_CORRUPT' })
      }),
      { numRuns: 200 },
    )
  })

  test('on a disk that loses its power are those of a commit, and what follows comes behind them', async () => {
    await fc.assert(
      fc.asyncProperty(commits, fc.nat(), fc.infiniteStream(fc.boolean()), async (all, seed, settles) => {
        const site = new Site()
        const table = site.open()
        for (const [i, each] of all.entries()) {
          append(table, i + 1, ...each)
          if (settles.next().value) await site.settle()
        }
        const wasCleaned = !site.folder.files().includes(`${'0'.repeat(16)}.rows`)
        site.disk.losePower(seededRandom(seed))
        const again = site.open()
        const covered = await again.load()
        // A file goes when what counts of it is on the medium elsewhere.
        if (wasCleaned) expect(covered).toBeDefined()
        const expected = history(all)[covered?.nextOffset ?? 0]!
        expect(contents(again)).toEqual(expected)
        append(again, 100, ['next', 'one'])
        const last = site.open()
        expect(await last.load()).toMatchObject({ nextOffset: 100 })
        expect(contents(last)).toEqual(new Map([...expected, ['next', 'one']]))
      }),
      { numRuns: 200 },
    )
  })

  test('behind a file that is gone are not believed', async () => {
    const site = new Site()
    const table = site.open()
    const commits = Array.from({ length: 20 }, (_, i): Change[] => [[`key ${i}`, 'x'.repeat(150)]])
    for (const [i, each] of commits.entries()) append(table, i + 1, ...each)
    const names = site.folder.files().toSorted()
    site.folder.remove(names[Math.floor(names.length / 2)]!)
    const again = site.open()
    const covered = await again.load()
    expect(covered?.nextOffset).toBeGreaterThan(0)
    expect(contents(again)).toEqual(history(commits)[covered!.nextOffset])
  })

  test('of another store are not taken for its own', async () => {
    const site = new Site()
    append(site.open('other/0'), 1, ['a', '1'])
    const table = site.open('log/0')
    expect(await table.load()).toBeUndefined()
    expect(table.size).toBe(0)
  })

  test('that are damaged while they are in use are not believed', () => {
    const site = new Site()
    const table = site.open()
    append(table, 1, ['a', 'x'.repeat(100)])
    damage(site.folder, 150, false)
    expect(() => table.get(Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
  })

  test('on a disk that is full are as they were', () => {
    const site = new Site()
    const table = site.open()
    append(table, 1, ['a', '1'])
    site.disk.bytesMax = site.disk.sizeBytes
    expect(() => append(table, 2, ['a', '2'])).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
    expect(contents(table)).toEqual(new Map([['a', '1']]))
  })

  test('are each seen once by who goes through them while they change', async () => {
    const site = new Site()
    const table = site.open()
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)
    append(table, 1, ...keys.map((key): Change => [key, 'before']))
    const seen: string[] = []
    let commit = 1
    for (const { key } of table.rows()) {
      seen.push(String(key))
      append(table, ++commit, ['key 3', 'after'], ['key 15', 'after'])
      await site.settle()
    }
    expect(seen.toSorted()).toEqual(keys.toSorted())
  })

  test('that were rewritten meanwhile say so to who still goes through them', async () => {
    const site = new Site()
    const table = site.open()
    append(table, 1, ['a', '1'], ['b', '1'])
    const rows = table.rows()[Symbol.iterator]()
    rows.next()
    for (let i = 2; i < 100; i++) {
      append(table, i, ['a', 'x'.repeat(100)])
      await site.settle()
    }
    expect(() => rows.next()).toThrow(expect.objectContaining({ code: 'NOT_READY', retryable: true }))
  })

  test('that are closed say so, instead of reading what is not theirs', async () => {
    const table = new Site().open()
    append(table, 1, ['a', '1'])
    await table.close()
    expect(() => table.get(Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'NOT_READY' }))
  })
})

/** A byte of one of the files, or all from there on. */
function damage(folder: LogDirectory, at: number, cuts: boolean): void {
  const names = folder.files().filter((name) => name.endsWith('.rows'))
  const file = folder.open(names[at % names.length]!)
  const position = Math.floor(at / names.length) % file.sizeBytes
  const bytes = Buffer.from(file.read(0, file.sizeBytes))
  bytes.writeUInt8(bytes.readUInt8(position) ^ 0x5a, position)
  file.truncate(0)
  file.append(cuts ? bytes.subarray(0, position) : bytes)
}
