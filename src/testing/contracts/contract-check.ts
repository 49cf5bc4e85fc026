import { AssertionError } from 'node:assert/strict'
import { inspect, isDeepStrictEqual } from 'node:util'

/**
 * One sentence of a contract, for any test runner.
 *
 * @example
 * ```ts
 * for (const { name, run } of serdeContract(amounts, { values: [0, 12.5] })) test(name, run)
 * ```
 */
export interface ContractCheck {
  /** What it holds the thing to, as the name of a test. */
  readonly name: string
  /** Rejects with what is wrong. */
  run(): Promise<void>
}

/** Throws an `AssertionError` that says what is not as it should be. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  const message = `${what}: ${inspect(actual)}, not ${inspect(expected)}`
  throw new AssertionError({ message, actual, expected })
}
