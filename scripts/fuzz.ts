import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import { fuzz } from '../test/fuzz/support/fuzz-target.ts'
import { loadTargets } from '../test/fuzz/support/load-targets.ts'

const targets = await loadTargets()
const usage = `Usage: npm run fuzz -- [TARGET…] [--inputs N] [--seed S]

Gives edges what they do not expect, and holds them to what must be true all the same: ${targets.map(({ name }) => name).join(', ')}.
Without a target, all of them; default 10,000 inputs from seed 1. An input that fails is printed, with how to run it alone.
`

/** Returns the exit code: 1 where an input has failed. */
async function main(): Promise<number> {
  const options = {
    inputs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [inputs, seed] = [Number(values.inputs), Number(values.seed)]
  const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  if (chosen.length < Math.max(1, positionals.length) || !(inputs > 0) || !Number.isSafeInteger(seed)) {
    process.stderr.write(usage)
    return 2
  }
  let failed = 0
  for (const target of chosen) {
    const startedMs = performance.now()
    try {
      await fuzz(target, { inputs, seed })
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
      process.stdout.write(`${target.name}: ${inputs} inputs passed in ${seconds} s\n`)
    } catch (error) {
      failed++
      process.stdout.write(`${messageOf(error)}\n`)
    }
  }
  return failed > 0 ? 1 : 0
}

process.exit(await main())
