import { messageOf } from '../../src/errors.ts'
import { readCase } from './case.ts'
import { caseFiles } from './case-files.ts'
import { whyNotCopied } from './quirks.ts'
import { runCase } from './run-case.ts'

/** How a case went: what differs is a failure, or a quirk of Kafka Streams that is not copied. */
export type Outcome =
  | { readonly is: 'passed' }
  | { readonly is: 'failed'; readonly difference: string }
  | { readonly is: 'skipped'; readonly why: string }

/** Runs all cases below the paths, prints a line for each that does not pass, and answers the exit code. */
export function conformance(paths: readonly string[], print: (line: string) => void): number {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of paths.flatMap(caseFiles)) {
    const outcome = outcomeOf(file)
    counts[outcome.is]++
    if (outcome.is === 'failed') print(`FAILED ${file}: ${outcome.difference}`)
    if (outcome.is === 'skipped') print(`skipped ${file}: ${outcome.why}`)
  }
  const { passed, failed, skipped } = counts
  const isEmpty = passed + failed + skipped === 0
  if (isEmpty) print(`there is no case in ${paths.join(', ')}`)
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || isEmpty ? 1 : 0
}

/** A case that can't be read, built or run has failed, and says why. */
export function outcomeOf(file: string): Outcome {
  try {
    const conformanceCase = readCase(file)
    const difference = runCase(conformanceCase)
    if (difference === undefined) return { is: 'passed' }
    const why = whyNotCopied(conformanceCase)
    return why === undefined ? { is: 'failed', difference } : { is: 'skipped', why }
  } catch (error) {
    return { is: 'failed', difference: messageOf(error).replaceAll('\n', ' ') }
  }
}
