import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { messageOf, RivuletError } from 'rivulet'
import type { Plan } from 'rivulet/testing'
import { failureText } from '../src/testing/simulation/simulate.ts'
import { deployments, furtherDeployments } from './simulation/deployments.ts'
import { heldPlan, marketName } from './simulation/scenario.ts'
import { SeedProgress } from './simulation/seed-progress.ts'
import { runInWorkers } from './simulation/workers.ts'

const names = deployments.map(({ name }) => name)
const furtherNames = furtherDeployments.map(({ name }) => name)
const usage = `Usage: npm run simulate -- --seeds N [--from M] [--jobs J] [--deployment NAME]
       npm run simulate -- --seed N [--deployment NAME]
       npm run simulate -- --plan FILE --deployment NAME

Puts whole deployments on virtual time to faults. A seed draws one of ${names.join(', ')},
what is written to it and what goes wrong; it does the same things each time, in any process.
Drawn by no seed: ${furtherNames.join(', ')},
which keep copies of their stores on other instances, or their rows on disk; and ${marketName}, which is the whole of pipelines/crypto.ts, with its exchange.
A seed that fails is printed with as little of its plan as it takes, on a line that --plan takes back.
`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    deployment: { type: 'string' },
    plan: { type: 'string' },
  },
})

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** Returns the exit code: 1 where something has failed, 2 where it is not clear what is wanted. */
async function main(): Promise<number> {
  const deployment = [...deployments, ...furtherDeployments].find(({ name }) => name === values.deployment)
  const [count, one] = [wholeNumber(values.seeds), wholeNumber(values.seed)]
  const [from, jobs] = [wholeNumber(values.from), wholeNumber(values.jobs)]
  const isKnown = [undefined, ...names, ...furtherNames, marketName].includes(values.deployment)
  if (values.plan !== undefined && deployment) {
    // It was printed by this program.
    return runOne(heldPlan(deployment, JSON.parse(readFileSync(values.plan, 'utf8')) as Plan))
  }
  if (
    !isKnown ||
    !from ||
    !jobs ||
    values.plan !== undefined ||
    (count === undefined) === (one === undefined)
  ) {
    process.stderr.write(usage)
    return 2
  }
  const seeds = one === undefined ? Array.from({ length: count ?? 0 }, (_, i) => from + i) : [one]
  return runSeeds(seeds, jobs)
}

async function runOne(outcome: ReturnType<typeof heldPlan>): Promise<number> {
  const failure = await outcome.then(
    () => undefined,
    (error) => (error instanceof RivuletError ? failureText(error) : messageOf(error)),
  )
  process.stdout.write(`${failure ?? 'passed'}\n`)
  return failure === undefined ? 0 : 1
}

async function runSeeds(seeds: readonly number[], jobs: number): Promise<number> {
  let [passed, failed, virtualMs, processorMs] = [0, 0, 0, 0]
  const progress = new SeedProgress(seeds.length)
  await runInWorkers({
    seeds,
    jobs,
    ...(values.deployment !== undefined && { deployment: values.deployment }),
    done: (result) => {
      virtualMs += result.virtualMs
      processorMs += result.processorMs
      if (result.failure === undefined) passed++
      else failed++
      progress.show(passed + failed, failed)
      if (result.failure !== undefined) process.stdout.write(`${result.deployment}: ${result.failure}\n`)
    },
  }).finally(() => progress.close())
  const times = Math.round(virtualMs / processorMs)
  const eachMs = Math.round(processorMs / seeds.length)
  process.stdout.write(
    `${passed} passed, ${failed} failed; ${eachMs} ms of processor time each, ${times} times as fast as real time\n`,
  )
  return failed > 0 ? 1 : 0
}

process.exit(await main())
