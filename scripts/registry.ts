import { messageOf } from 'rivulet'
import { startRealRegistry } from '../test/support/real-registry.ts'
import { registryChecks } from './registry/checks.ts'

const print = (line: string) => process.stdout.write(`${line}\n`)

/** Returns the exit code: 1 where something went another way, 2 where it can't be run. */
async function main(): Promise<number> {
  const registry = await startRealRegistry()
  if ('unavailable' in registry) {
    process.stderr.write(`${registry.unavailable}\n`)
    return 2
  }
  let failures = 0
  try {
    for (const [what, check] of registryChecks) {
      const outcome = await check(registry.url).then(
        () => 'ok',
        (error) => messageOf(error),
      )
      if (outcome !== 'ok') failures++
      print(`${what}: ${outcome}`)
    }
  } finally {
    await registry.stop()
  }
  return failures === 0 ? 0 : 1
}

process.exitCode = await main()
