import { type ErrorCode, RivuletError } from './errors.ts'

/** Answers the parameters; throws the code, with the parameter's name, unless each is a whole number of at least `min`. */
export function checked<T extends Record<string, number>>(
  parameter: T,
  min: number,
  code: ErrorCode = 'BAD_TOPOLOGY',
): T {
  for (const [name, value] of Object.entries(parameter)) {
    if (!Number.isSafeInteger(value) || value < min) {
      throw new RivuletError(code, `${name} must be a whole number of at least ${min}, not ${value}`, {
        place: { parameter: name },
      })
    }
  }
  return parameter
}
