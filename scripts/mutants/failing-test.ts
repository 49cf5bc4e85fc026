import { execFile } from 'node:child_process'

const testMsMax = 900_000
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json']

/** Whether one of these tests fails in this copy of the sources. Rejects where none of them runs. */
export function isFailing(folder: string, test: string): Promise<boolean> {
  const options = { cwd: folder, timeout: testMsMax, maxBuffer: Number.POSITIVE_INFINITY }
  return new Promise((resolve, reject) => {
    // It ends with an exit code where one fails: what it says of them counts.
    execFile(process.execPath, [...vitest, test], options, (_, stdout) => {
      const [, passed = 0, failed = 0] =
        /"numPassedTests":(\d+),"numFailedTests":(\d+)/.exec(stdout)?.map(Number) ?? []
      if (passed + failed === 0) reject(new Error(`${test} does not run`))
      else resolve(failed > 0)
    })
  })
}
