import { isWindowed, type ValueType } from './types.ts'

/** A function of the cases by its name, and the type of what it answers. */
interface Typed<F> {
  readonly call: F
  readonly type: (key: ValueType, value: ValueType) => ValueType
}

type Mapper = Typed<(key: unknown, value: unknown) => unknown>
type Combiner = Typed<(key: unknown, aggregate: unknown, value: unknown) => unknown>

const string = () => 'string' as const
const long = () => 'long' as const
const ofKey = (key: ValueType) => key
const ofValue = (_: ValueType, value: ValueType) => value
const plainKey = (key: ValueType) => (typeof key === 'object' ? key.windowed : key)

function show(x: unknown): string {
  if (isWindowed(x)) return `${show(x.key)}@${x.startMs}-${x.endMs}`
  return String(x)
}

function str(x: unknown): string {
  return x === null ? '' : show(x)
}

function num(x: unknown): number {
  return x === null ? 0 : Number(x)
}

/** The i-th part between colons; a missing or empty one is null. */
function field(x: unknown, i: number): string | null {
  return x === null ? null : show(x).split(':')[i] || null
}

function firstChar(x: unknown): string | null {
  return x === null ? null : ([...show(x)][0] ?? null)
}

function ofNumber(x: unknown, map: (n: number) => unknown): unknown {
  return x === null ? null : map(Number(x))
}

const predicates: Record<string, (key: unknown, value: unknown) => boolean> = {
  isEven: (_, v) => v !== null && num(v) % 2 === 0,
  isPositive: (_, v) => v !== null && num(v) > 0,
  startsWithA: (_, v) => typeof v === 'string' && v.startsWith('a'),
  longerThan1: (_, v) => typeof v === 'string' && v.length > 1,
  never: () => false,
}

const valueMappers: Record<string, Mapper> = {
  identity: { call: (_, v) => v, type: ofValue },
  upper: { call: (_, v) => (v === null ? null : show(v).toUpperCase()), type: string },
  length: { call: (_, v) => (v === null ? null : show(v).length), type: long },
  double: { call: (_, v) => ofNumber(v, (n) => n * 2), type: long },
  // Not −n: that would make a −0 of 0.
  negate: { call: (_, v) => ofNumber(v, (n) => 0 - n), type: long },
  parseLong: { call: (_, v) => (/^-?[0-9]+$/.test(show(v)) ? 0 + Number(v) : null), type: long },
  bang: { call: (_, v) => `${show(v)}!`, type: string },
  nullIfX: { call: (_, v) => (v === 'x' ? null : v), type: ofValue },
  toNull: { call: () => null, type: ofValue },
  withKey: { call: (k, v) => `${show(k)}:${show(v)}`, type: string },
  key: { call: (k) => show(k), type: string },
  secondField: { call: (_, v) => field(v, 1), type: string },
}

const keyMappers: Record<string, Mapper> = {
  identity: { call: (k) => k, type: ofKey },
  valueAsKey: { call: (_, v) => v, type: ofValue },
  firstChar: { call: (_, v) => firstChar(v), type: string },
  keyFirstChar: { call: (k) => firstChar(k), type: string },
  firstField: { call: (_, v) => field(v, 0), type: string },
  length: { call: (_, v) => (v === null ? null : show(v).length), type: long },
  parity: { call: (_, v) => ofNumber(v, (n) => (n % 2 === 0 ? 'even' : 'odd')), type: string },
  nullIfX: { call: (k, v) => (v === 'x' ? null : k), type: ofKey },
  toNull: { call: () => null, type: ofKey },
  all: { call: () => 'all', type: string },
  toString: { call: (k) => show(k), type: string },
  windowKey: { call: (k) => (isWindowed(k) ? k.key : k), type: plainKey },
  windowStart: { call: (k) => (isWindowed(k) ? k.startMs : null), type: long },
}

/** In `flatMap` a word is key and value; in `flatMapValues` only the values are taken. */
const flatMappers: Record<
  string,
  {
    readonly call: (key: unknown, value: unknown) => readonly (readonly [key: unknown, value: unknown])[]
    readonly key: (key: ValueType) => ValueType
    readonly value: (value: ValueType) => ValueType
  }
> = {
  splitSpaces: {
    call: (_, v) =>
      v === null || v === ''
        ? []
        : show(v)
            .split(' ')
            .map((word) => [word, word] as const),
    key: string,
    value: string,
  },
  duplicate: {
    call: (k, v) => [
      [k, v],
      [k, v],
    ],
    key: (key) => key,
    value: (value) => value,
  },
  none: { call: () => [], key: (key) => key, value: (value) => value },
}

const concat: Combiner = { call: (_, a, v) => str(a) + show(v), type: string }
const sum: Combiner = { call: (_, a, v) => num(a) + num(v), type: long }
const minus: Combiner = { call: (_, a, v) => num(a) - num(v), type: long }

const reducers: Record<string, Combiner> = {
  sum,
  minus,
  max: { call: (_, a, v) => Math.max(num(a), num(v)), type: long },
  concat,
  first: { call: (_, a) => a, type: ofValue },
  nullIfX: { call: (k, a, v) => (v === 'x' ? null : concat.call(k, a, v)), type: string },
  nullIfZero: { call: (_, a, v) => num(a) + num(v) || null, type: long },
}

const aggregators: Record<string, Combiner> = {
  sum,
  minus,
  count: { call: (_, a) => num(a) + 1, type: long },
  concat,
  concatWithKey: { call: (k, a, v) => `${str(a)}${show(k)}=${show(v)};`, type: string },
  list: { call: (_, a, v) => (str(a) === '' ? show(v) : `${str(a)},${show(v)}`), type: string },
  plus: { call: (_, a, v) => `${str(a)}+${show(v)}`, type: string },
  dash: { call: (_, a, v) => `${str(a)}-${show(v)}`, type: string },
  nullOnX: { call: (k, a, v) => (v === 'x' ? null : concat.call(k, a, v)), type: string },
}

const mergers: Record<string, (a: unknown, b: unknown) => unknown> = {
  bar: (a, b) => `${show(a)}|${show(b)}`,
}

const joiners: Record<string, Combiner> = {
  concat: { call: (_, l, r) => `${show(l)}+${show(r)}`, type: string },
  concatWithKey: { call: (k, l, r) => `${show(k)}:${show(l)}+${show(r)}`, type: string },
  sum,
  nullIfX: { call: (_, l, r) => (l === 'x' ? null : `${show(l)}+${show(r)}`), type: string },
}

const topicChoosers: Record<string, (key: unknown, value: unknown) => string> = {
  outByFirstChar: (_, v) => `out-${firstChar(v) ?? 'none'}`,
  outByKey: (k) => `out-${show(k)}`,
}

/** Each answers the function of that name, or throws an error that says which is missing. */
function lookUp<F>(kind: string, functions: Record<string, F>) {
  return (name: string | undefined): F => {
    const found = name === undefined ? undefined : functions[name]
    if (found === undefined) {
      throw new Error(name === undefined ? `the operator needs a ${kind}` : `unknown ${kind} "${name}"`)
    }
    return found
  }
}

export const predicateOf = lookUp('predicate', predicates)
export const valueMapperOf = lookUp('valueMapper', valueMappers)
export const keyMapperOf = lookUp('keyMapper', keyMappers)
export const flatMapperOf = lookUp('flatMapper', flatMappers)
export const reducerOf = lookUp('reducer', reducers)
export const aggregatorOf = lookUp('aggregator', aggregators)
export const mergerOf = lookUp('merger', mergers)
export const joinerOf = lookUp('joiner', joiners)
export const topicChooserOf = lookUp('topicBy', topicChoosers)
