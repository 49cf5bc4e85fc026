import type { Plan } from './plan.ts'
import { type Outcome, type RunOptions, runPlan } from './simulation.ts'

/** What a plan that fails was made of, and what is left of it when nothing more can be taken away. */
export interface Shrunk {
  readonly plan: Plan
  readonly outcome: Outcome
}

/**
 * Takes away instances, faults, records and messages as long as the same thing does not hold without them, in at most so many runs.
 * What is left is smaller, not always the smallest.
 */
export async function shrink(options: RunOptions, failing: Shrunk, runsMax: number): Promise<Shrunk> {
  const [first] = failing.outcome.broken
  let best = failing
  let runs = 0
  const tryPlan = async (plan: Plan) => {
    if (runs++ >= runsMax) return false
    const outcome = await runPlan(options, plan)
    const isSame = outcome.broken.some(({ invariant }) => invariant === first?.invariant)
    if (isSame) best = { plan, outcome }
    return isSame
  }
  if (best.plan.instances > 1) await tryPlan({ ...best.plan, instances: 1 })
  await fewer(best.plan.faults, (faults) => tryPlan({ ...best.plan, faults }))
  await fewer(best.plan.records, (records) => tryPlan({ ...best.plan, records }))
  await fewer(best.plan.messages ?? [], (messages) => tryPlan({ ...best.plan, messages }))
  return best
}

/** Leaves out parts of a list, first large ones, then small ones, as long as it still does without. */
async function fewer<T>(
  all: readonly T[],
  stillFails: (some: readonly T[]) => Promise<boolean>,
): Promise<void> {
  let left = all
  for (let size = left.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < left.length; ) {
      const without = [...left.slice(0, from), ...left.slice(from + size)]
      if (await stillFails(without)) left = without
      else from += size
    }
  }
}
