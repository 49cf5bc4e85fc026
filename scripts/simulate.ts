import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import { simulate } from 'rivulet/testing'
import { deployments } from './simulation/deployments.ts'

const usage = `Usage: npm run simulate -- --seeds N | --seed N

Puts whole deployments on virtual time to faults: ${deployments.map(({ name }) => name).join(', ')}.
A seed that fails is printed; --seed N does the same things again.
`

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** Returns the exit code: 1 where a seed has failed. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } })
  const [count, one] = [wholeNumber(values.seeds), wholeNumber(values.seed)]
  if ((count === undefined) === (one === undefined)) {
    process.stderr.write(usage)
    return 2
  }
  const seeds = one === undefined ? Array.from({ length: count ?? 0 }, (_, i) => i + 1) : [one]
  const startedMs = performance.now()
  let [passed, failed, virtualMs] = [0, 0, 0]
  for (const seed of seeds) {
    for (const { name, ...deployment } of deployments) {
      try {
        virtualMs += (await simulate(deployment.topology, { ...deployment, seeds: [seed] })).virtualMs
        passed++
      } catch (error) {
        failed++
        process.stdout.write(`${name}: ${messageOf(error)}\n`)
      }
    }
  }
  const times = Math.round(virtualMs / (performance.now() - startedMs))
  process.stdout.write(`${passed} passed, ${failed} failed; ${times} times as fast as real time\n`)
  return failed > 0 ? 1 : 0
}

process.exit(await main())
