import { type ErrorCode, type ErrorPlace, RivuletError } from './errors.ts'
import { shown } from './shown.ts'

/**
 * Answers the parameters; throws the code, with the parameter's name, unless each is a whole number of at least `min`.
 * Who writes without types may bring anything: a text that looks like a number is none.
 */
export function checked<T extends Record<string, number>>(
  parameter: T,
  min: number,
  code: ErrorCode = 'BAD_TOPOLOGY',
  place: ErrorPlace = {},
): T {
  for (const [name, value] of Object.entries(parameter)) {
    if (!Number.isSafeInteger(value) || value < min) {
      const bound = min === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${min}`
      throw new RivuletError(code, `${name} must be a whole number${bound}, not ${shown(value)}`, {
        place: { ...place, parameter: name },
      })
    }
  }
  return parameter
}

/** Throws `BAD_TOPOLOGY`, with the parameter's name, for one that is not given. Source: Java's `requireNonNull`. */
export function required(parameters: Readonly<Record<string, unknown>>, place: ErrorPlace = {}): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) continue
    throw new RivuletError('BAD_TOPOLOGY', `${nameOf(place)} needs its ${name}, but got ${value}`, {
      place: { ...place, parameter: name },
    })
  }
}

function nameOf({ step, topic }: ErrorPlace): string {
  if (topic !== undefined) return `the topic "${topic}"`
  return step === undefined ? 'a step' : `"${step}"`
}

/** Throws `BAD_TOPOLOGY`, with the parameter's name, unless it is one of the words. */
export function oneOf(
  parameter: Readonly<Record<string, unknown>>,
  words: readonly string[],
  place: ErrorPlace = {},
): void {
  for (const [name, value] of Object.entries(parameter)) {
    if (words.some((word) => word === value)) continue
    const list = words.map((word) => `"${word}"`).join(' or ')
    throw new RivuletError('BAD_TOPOLOGY', `${name} must be ${list}, not ${shown(value)}`, {
      place: { ...place, parameter: name },
    })
  }
}
