import { messageOf } from '../../src/errors.ts'
import { readCase } from './case.ts'
import { caseFiles } from './case-files.ts'
import { runCase } from './run-case.ts'

/**
 * Runs all cases below the paths, prints a line for each that fails, and answers the exit code. None is skipped: the
 * quirks of Kafka Streams are copied too.
 */
export function conformance(paths: readonly string[], print: (line: string) => void): number {
  let passed = 0
  let failed = 0
  for (const file of paths.flatMap(caseFiles)) {
    const difference = differenceOf(file)
    if (difference === undefined) passed++
    else {
      failed++
      print(`FAILED ${file}: ${difference}`)
    }
  }
  if (passed + failed === 0) print(`there is no case in ${paths.join(', ') || 'no folder at all'}`)
  print(`${passed} passed, ${failed} failed, 0 skipped`)
  return failed > 0 || passed === 0 ? 1 : 0
}

/** The first difference of a case, or why it could not be read, built or run. */
export function differenceOf(file: string): string | undefined {
  try {
    return runCase(readCase(file))
  } catch (error) {
    return messageOf(error).replaceAll('\n', ' ')
  }
}
