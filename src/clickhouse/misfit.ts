import { shown } from '../shown.ts'

/** Says what a value is not. */
export function misfit(value: unknown, expected: string): Error {
  return new Error(`${shown(value)} is no ${expected}`)
}
