import { existsSync } from 'node:fs'
import { runCli } from '../src/cli/cli.ts'
import { processIo } from '../src/cli/io.ts'

/** `npm run describe -- crypto` is `rivulet describe pipelines/crypto.ts`. */
const args = process.argv.slice(2).map((arg) => {
  const pipeline = `pipelines/${arg}.ts`
  return existsSync(pipeline) ? pipeline : arg
})
process.exitCode = await runCli(['describe', ...args], processIo)
