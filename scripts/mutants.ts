import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import { isFailing } from './mutants/failing-test.ts'
import { firstFailure } from './mutants/first-failure.ts'
import type { Mutant, UnseenMutant } from './mutants/mutant.ts'
import { mutants } from './mutants/mutants.ts'
import { withMutant } from './mutants/mutated-tree.ts'
import { readTable, writeTable } from './mutants/table.ts'
import { unseenMutants } from './mutants/unseen.ts'

const usage = `Usage: npm run mutants [-- NAME...] [--jobs J] [--seeds N]

Switches off one safeguard after the other in a copy of the sources, and runs seeds of the simulator until one fails, or
the tests that must fail where no seed can show it. It begins with the seed that docs/mutants.md names, and writes there
what it finds. Without names, all of them.
`

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '500' },
  },
})

const caught = readTable()

/** Returns how many were not caught. */
async function runAll(
  wanted: readonly (Mutant | UnseenMutant)[],
  seedsMax: number,
  jobs: number,
): Promise<number> {
  const waiting = [...wanted]
  let survivors = 0
  const work = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift())
      if (!(await isCaught(mutant, seedsMax))) survivors++
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return survivors
}

async function isCaught(mutant: Mutant | UnseenMutant, seedsMax: number): Promise<boolean> {
  const { name } = mutant
  const by = await ('test' in mutant ? failingTest(mutant) : failingSeed(mutant, seedsMax)).catch(
    (error: unknown) => {
      process.stdout.write(`${name}: ${messageOf(error)}\n`)
      return undefined
    },
  )
  process.stdout.write(`${name}: ${by ?? 'survives'}\n`)
  writeTable(mutants, unseenMutants, caught)
  return by !== undefined
}

async function failingSeed(mutant: Mutant, seedsMax: number): Promise<string | undefined> {
  const { bySeeds } = caught
  const known = bySeeds.get(mutant.name)?.seed
  bySeeds.delete(mutant.name)
  const all = Array.from({ length: seedsMax }, (_, i) => i + 1)
  const seeds = known === undefined ? all : [known, ...all]
  const { seed, deployment, invariant } =
    (await withMutant(mutant, (folder) => firstFailure(folder, mutant, seeds))) ?? {}
  if (seed === undefined || deployment === undefined || invariant === undefined) return undefined
  bySeeds.set(mutant.name, { seed, deployment, invariant })
  return `seed ${seed}, ${deployment}: ${invariant}`
}

async function failingTest(mutant: UnseenMutant): Promise<string | undefined> {
  const { name, test } = mutant
  caught.byTests.delete(name)
  if (!(await withMutant(mutant, (folder) => isFailing(folder, test)))) return undefined
  caught.byTests.set(name, test)
  return test
}

async function main(): Promise<number> {
  const [seeds, jobs] = [Number(values.seeds), Number(values.jobs)]
  const all = [...mutants, ...unseenMutants]
  const unknown = names.filter((name) => !all.some((mutant) => mutant.name === name))
  if (unknown.length > 0 || !(seeds >= 1) || !(jobs >= 1)) {
    process.stderr.write(`${unknown.map((name) => `There is no mutant ${name}\n`).join('')}${usage}`)
    return 2
  }
  const wanted = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  const survivors = await runAll(wanted, seeds, jobs)
  process.stdout.write(`${wanted.length - survivors} caught, ${survivors} not\n`)
  return survivors > 0 ? 1 : 0
}

process.exit(await main())
