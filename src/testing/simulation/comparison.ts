/**
 * How what was written is held to what should be. `in-order`: under each key the same values in the same order. `any-order`:
 * the same values, as often; for joins of streams, whose results come as their inputs do. `latest`: the same last value; for
 * joins of tables, which pass through other rows on the way. `at-least-once`: the same values in the same order, which may
 * come again, but not where nothing goes wrong; for sources that can't ask again from a place of their choice.
 */
export type OutputOrder = 'in-order' | 'any-order' | 'latest' | 'at-least-once'

/** Values by topic and key, in the order of writing, as text. */
export type Written = ReadonlyMap<string, readonly string[]>

/** One thing that did not hold: the name of what should have, and what was there instead. */
export interface Violation {
  /** Which of those that must hold. */
  readonly invariant: Invariant
  /** What was seen in the place of what. */
  readonly detail: string
}

/** What a deployment is held to. */
export type Invariant =
  | 'each input is applied once'
  | 'values keep their order'
  | 'no half of a transaction is seen'
  | 'offsets are not ahead of outputs'
  | 'offsets do not go back'
  | 'what was read stays'
  | 'stores are as outputs'
  | 'tables have each row once'
  | 'buffers are bounded'
  | 'it goes on once faults are over'
  | 'no instance fails'

/** What is there and should not be: it does not become right by waiting. */
export function surplusOf(order: OutputOrder, expected: Written, seen: Written): Violation[] {
  if (order === 'latest') return []
  return [...seen].flatMap(([of, values]): Violation[] => {
    const [wanted, got] = [counted(order, expected.get(of)), counted(order, values)]
    if (got.every((value, i) => value === wanted[i])) return []
    const rest = without(got, wanted)
    if (rest.length > 0) {
      const detail = `${named(of)} has ${got.length} for ${wanted.length}, such as ${shown(rest[0])}`
      return [{ invariant: 'each input is applied once', detail }]
    }
    const at = order !== 'any-order' ? got.findIndex((value, i) => value !== wanted[i]) : -1
    if (at < 0) return []
    const detail = `${named(of)} has ${shown(got[at])} as the ${at + 1}th, in the place of ${shown(wanted[at])}`
    return [{ invariant: 'values keep their order', detail }]
  })
}

/** What is not there yet. */
export function missingOf(order: OutputOrder, expected: Written, seen: Written): string[] {
  return [...expected].flatMap(([of, values]) => {
    const [wanted, got] = [counted(order, values), counted(order, seen.get(of))]
    if (order === 'latest')
      return got.at(-1) === wanted.at(-1)
        ? []
        : [`${named(of)} is ${shown(got.at(-1))} for ${shown(wanted.at(-1))}`]
    const missing = wanted.length - got.length
    return missing > 0 ? [`${named(of)} lacks ${missing} of ${wanted.length}`] : []
  })
}

/** What counts of these values. */
function counted(order: OutputOrder, values: readonly string[] = []): readonly string[] {
  return order === 'at-least-once' ? [...new Set(values)] : values
}

/** Adds a value under its topic and key. */
export function add(
  written: Map<string, string[]>,
  topic: string,
  key: Buffer | null,
  value: Buffer | null,
): void {
  const of = `${topic} ${textOf(key)}`
  const values = written.get(of)
  if (values) values.push(textOf(value))
  else written.set(of, [textOf(value)])
}

export function textOf(bytes: Buffer | null): string {
  return bytes?.toString('latin1') ?? 'null'
}

/** The values that are there more often than in the others. */
function without(values: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const value of others) left.set(value, (left.get(value) ?? 0) + 1)
  return values.filter((value) => {
    const count = left.get(value) ?? 0
    left.set(value, count - 1)
    return count <= 0
  })
}

function named(of: string): string {
  return JSON.stringify(of)
}

function shown(value: string | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
