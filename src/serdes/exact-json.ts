import { shortened } from '../shown.ts'

/** Far below the depth at which `JSON.stringify` runs out of stack. */
const depthMax = 1_000
/** From here on JSON writes a number with an exponent: nobody takes it for an integer that is exact. */
const exponentMin = 1e21
const loneSurrogate = /\p{Surrogate}/u

/** Whether JSON has this number: an integer beyond 2^53 may be another one, and NaN and ±Infinity would become null. */
export function isExactNumber(value: number): boolean {
  return (
    (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) ||
    (Math.abs(value) >= exponentMin && Number.isFinite(value))
  )
}

/** Whether a text is one in UTF-8 as well: half of a surrogate pair would become another character. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text)
}

/**
 * Whether it is quickly seen that JSON gives a value back as it is, texts aside; false: `whyNotExact` knows. It is asked
 * for each value that is read or written.
 */
export function isPlainlyExact(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return isExactNumber(value)
  if (typeof value !== 'object' || value === null) return isScalar(value)
  if (depth > depthMax) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlainlyExact(value[i], depth + 1)) return false
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  const fields: Readonly<Record<string, unknown>> = value as Readonly<Record<string, unknown>>
  for (const name in fields) {
    const field = fields[name]
    // A field that is undefined comes back as one that is not there, which is the same to whoever asks for it.
    if (typeof field === 'string' || field === undefined) continue
    if (!isPlainlyExact(field, depth + 1)) return false
  }
  return true
}

/**
 * What of a value JSON would not give back as it is, and where; undefined: nothing. An object may have JSON of its own
 * (`toJSON`, such as a `Date`'s) where a schema makes it what it was.
 */
export function whyNotExact(value: unknown, hasSchema: boolean): string | undefined {
  return misfitOf(value, [], hasSchema)
}

function misfitOf(value: unknown, path: readonly string[], hasSchema: boolean): string | undefined {
  const bad = (what: string) => `${placeOf(path)} is ${what}`
  if (typeof value === 'number') {
    if (isExactNumber(value)) return undefined
    return bad(Number.isInteger(value) ? `${value}, an integer beyond 2^53` : `${value}`)
  }
  if (typeof value === 'string') return isWellFormed(value) ? undefined : bad('half of a surrogate pair')
  if (typeof value !== 'object' || value === null)
    return isScalar(value) ? undefined : bad(`of type ${typeof value}`)
  if (path.length > depthMax) return `it is nested more than ${depthMax} deep`
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return hasSchema ? undefined : bad(`a ${value.constructor.name}, and no schema makes one of its JSON`)
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value))
    return bad(`a ${value.constructor.name}`)
  // Spread, so that a hole in a list is seen.
  for (const [name, field] of Object.entries(Array.isArray(value) ? [...value] : value)) {
    if (!isWellFormed(name)) return `a field's name at ${placeOf(path)} is half of a surrogate pair`
    if (field === undefined && !Array.isArray(value)) continue
    const why = misfitOf(field, [...path, name], hasSchema)
    if (why !== undefined) return why
  }
  return undefined
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null
}

function placeOf(path: readonly string[]): string {
  return path.length === 0 ? 'it' : shortened(path.join('.'), 100)
}
