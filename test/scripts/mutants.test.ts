import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { firstFailure } from '../../scripts/mutants/first-failure.ts'
import type { Mutant } from '../../scripts/mutants/mutant.ts'
import { mutants } from '../../scripts/mutants/mutants.ts'
import { withMutant } from '../../scripts/mutants/mutated-tree.ts'
import { readTable } from '../../scripts/mutants/table.ts'
import { unseenMutants } from '../../scripts/mutants/unseen.ts'

const seedsMax = 500
const processMs = 120_000
const { bySeeds, byTests } = readTable()
const all = [...mutants, ...unseenMutants]

const named = (wanted: string): Mutant => {
  const mutant = mutants.find(({ name }) => name === wanted)
  if (!mutant) throw new Error(`there is no mutant ${wanted}`)
  return mutant
}

describe('mutants', () => {
  test('are forty at least, each with a name of its own', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(40)
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  })

  test.each(all)('$name replaces what stands once in $file', ({ file, from, to }) => {
    expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2)
    expect(to).not.toBe(from)
  })

  test('are all in the table, and no others, and a seed or a test has caught each', () => {
    expect([...bySeeds.keys()]).toEqual(mutants.map(({ name }) => name))
    for (const { seed } of bySeeds.values()) expect(seed).toBeLessThanOrEqual(seedsMax)
    expect([...byTests]).toEqual(unseenMutants.map(({ name, test }) => [name, test]))
  })

  test(
    'fail under their seed, or another one where other sources have changed what it does',
    async () => {
      const by = bySeeds.get('read-committed')
      const seeds = [...(by ? [by.seed] : []), ...Array.from({ length: 20 }, (_, i) => i + 1)]
      const mutant = named('read-committed')
      const failure = await withMutant(mutant, (folder) => firstFailure(folder, mutant, seeds))
      expect(failure?.invariant).toBeDefined()
    },
    processMs,
  )

  test(
    'are caught by what is switched off: the same seed passes without it',
    async () => {
      const seed = bySeeds.get('read-committed')?.seed ?? 0
      const nothing: Mutant = { ...named('read-committed'), to: named('read-committed').from }
      expect(await withMutant(nothing, (folder) => firstFailure(folder, nothing, [seed]))).toBeUndefined()
    },
    processMs,
  )

  test(
    'that do not run are not taken for caught',
    async () => {
      const broken: Mutant = { ...named('read-committed'), to: 'isolation = (' }
      await expect(withMutant(broken, (folder) => firstFailure(folder, broken, [1]))).rejects.toThrow(
        'exit code',
      )
    },
    processMs,
  )
})
