import { expect, test } from 'vitest'
import type { ContractCheck } from '../../../src/testing/contracts/contract-check.ts'

/** Each check as a test that must be green. */
export function testAll(checks: readonly ContractCheck[]): void {
  for (const { name, run } of checks) test(name, run)
}

/** The names of the checks that are red. */
export async function namesOfRed(checks: readonly ContractCheck[]): Promise<string[]> {
  const red: string[] = []
  for (const { name, run } of checks) {
    await run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      red.push(name)
    })
  }
  return red
}
