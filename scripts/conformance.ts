import { conformance } from '../test/conformance/main.ts'

const paths = process.argv.slice(2)
if (paths.length === 0) {
  process.stderr.write('usage: npm run conformance -- DIR…   (such as ../shared/conformance/cases)\n')
  process.exitCode = 2
} else {
  try {
    process.exitCode = conformance(paths, (line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  }
}
