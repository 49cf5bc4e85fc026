import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { seedNodeOptions } from '../simulation/workers.ts'
import type { Mutant } from './mutant.ts'
import type { SeedOutcome, SeedWanted } from './seed-process.ts'

/** A seed takes a fifth of a second; without a safeguard it may go round and round. */
const seedMsMax = 180_000

/** The first of the seeds that fails in this copy of the sources; undefined: none does. Rejects where it does not run. */
export async function firstFailure(
  folder: string,
  { deployment }: Mutant,
  seeds: Iterable<number>,
): Promise<SeedOutcome | undefined> {
  const child = fork(join(folder, 'scripts/mutants/seed-process.ts'), [], {
    cwd: folder,
    execArgv: ['--import', 'tsx', ...seedNodeOptions],
  })
  try {
    for (const seed of seeds) {
      const outcome = await outcomeOf(child, { seed, deployment })
      if (outcome.invariant !== undefined) return outcome
    }
    return undefined
  } finally {
    child.removeAllListeners()
    child.kill('SIGKILL')
  }
}

function outcomeOf(child: ChildProcess, wanted: SeedWanted): Promise<SeedOutcome> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`seed ${wanted.seed} ${why}`))
    const timer = setTimeout(() => fail('does not end'), seedMsMax)
    child.removeAllListeners()
    child.once('exit', (code) => fail(`ended its process with exit code ${code}`))
    child.once('message', (outcome: SeedOutcome) => {
      clearTimeout(timer)
      resolve(outcome)
    })
    child.send(wanted)
  })
}
