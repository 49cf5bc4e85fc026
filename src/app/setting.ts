import { readFileSync } from 'node:fs'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'

/**
 * One thing that a program is told, under one name of three spellings: `dataDir` in code, a variable in capitals, and a
 * flag with hyphens, which wins.
 */
export interface Setting<T> {
  /** For help. */
  readonly description: string
  /** What would be right, said when a value is not. */
  readonly expected: string
  /** Reads what a user wrote; any library's schema that is a Standard Schema. It must answer at once. */
  readonly schema: StandardSchemaV1<string, T>
  /** As a user would write it; absent: none. */
  readonly default?: string
  /** How help shows the flag's value, such as `<folder>`; in brackets, `[seed]`, it may be left out. Default `<value>`. */
  readonly placeholder?: string
  /** Where the flag may stand alone: what that means, as a user would write it. */
  readonly bare?: string
  /** Not shown in messages and help. */
  readonly secret?: boolean
  /** Whether there is no variable for it. */
  readonly flagOnly?: boolean
  /** Whether an empty text is a value. Else an empty variable, as shells and compose files write it, is one that is not set. */
  readonly takesEmpty?: boolean
}

/** Settings by their names in code. */
export type Settings = Readonly<Record<string, Setting<unknown>>>

/** What a program was told: each setting's value; undefined where nothing was said and there is no default. */
export type ConfigOf<S extends Settings> = {
  readonly [N in keyof S]: S[N] extends Setting<infer T> ? T : never
}

/** Where something listens. */
export interface Listener {
  /** Of this machine: a name or an address. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** All of a setting but what its kind says. */
export type SettingOptions = Omit<Setting<unknown>, 'schema' | 'expected'> & {
  /** What would be right, where the kind's own words are too wide. */
  readonly expected?: string
}

/** Without a default, the value may be undefined. */
export type SettingOf<T, O> = O extends { readonly default: string } ? Setting<T> : Setting<T | undefined>

function made<T, O extends SettingOptions>(schema: v.GenericSchema<string, T>, expected: string, options: O) {
  return { expected, ...options, schema } as unknown as SettingOf<T, O>
}

const nonEmpty = v.pipe(v.string(), v.nonEmpty())

const pemBegin = '-----BEGIN '

function readPem({ dataset: { value }, addIssue, NEVER }: v.RawTransformContext<string>): string {
  if (value.includes(pemBegin)) return value
  try {
    const text = readFileSync(value, 'utf8')
    if (text.includes(pemBegin)) return text
  } catch {
    // No such file: it is said what would be right.
  }
  addIssue()
  return NEVER
}

/**
 * Settings by what their values are.
 *
 * @example
 * ```ts
 * const settings = {
 *   windowSeconds: setting.wholeNumber({ description: 'length of a window', min: 1, max: 86_400, default: '60' }),
 * }
 * ```
 */
export const setting = {
  /** A text that is not empty. */
  text: <const O extends SettingOptions>(options: O) => made(nonEmpty, 'a text that is not empty', options),

  /** A secret that fits into a header and is too long to be guessed. */
  token: <const O extends SettingOptions>(options: O) =>
    made(
      v.pipe(v.string(), v.regex(/^[\w.~+/=-]{16,512}$/)),
      'at least 16 letters, digits or any of . _ ~ + / = -',
      options,
    ),

  /** A whole number from `min` to `max`, both inside. */
  wholeNumber: <const O extends SettingOptions & { readonly min: number; readonly max: number }>(
    options: O,
  ) => {
    const { min, max, ...rest } = options
    const schema = v.pipe(
      v.string(),
      v.regex(/^\d{1,15}$/),
      v.transform(Number),
      v.integer(),
      v.minValue(min),
      v.maxValue(max),
    )
    return made<number, O>(schema, `a whole number from ${min} to ${max}`, rest as unknown as O)
  },

  /** `true`, `1` or `yes`; `false`, `0` or `no`. */
  boolean: <const O extends SettingOptions>(options: O) =>
    made(
      v.pipe(
        v.picklist(['true', 'false', '1', '0', 'yes', 'no']),
        v.transform((value) => ['true', '1', 'yes'].includes(value)),
      ),
      'true or false',
      options,
    ),

  /** One of these texts; upper and lower case are the same. */
  oneOf: <const V extends string, const O extends SettingOptions>(values: readonly [V, ...V[]], options: O) =>
    made<V, O>(v.pipe(nonEmpty, v.toLowerCase(), v.picklist(values)), values.join(', '), options),

  /** An address whose scheme is one of these, such as `https`. */
  address: <const O extends SettingOptions>(schemes: readonly string[], options: O) =>
    made(
      v.pipe(
        nonEmpty,
        v.check((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1))),
      ),
      `an address that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
      options,
    ),

  /** `host:port`, or a port alone: one of 127.0.0.1. */
  listener: <const O extends SettingOptions>(options: O) =>
    made<Listener, O>(
      v.pipe(
        v.string(),
        v.regex(/^(([\w.-]+|\[[\da-f:]+\]):)?\d{1,5}$/i),
        v.transform((value): Listener => {
          const colon = value.lastIndexOf(':')
          const host = colon < 0 ? '127.0.0.1' : value.slice(0, colon).replaceAll(/[[\]]/g, '')
          return { host, port: Number(value.slice(colon + 1)) }
        }),
        v.check(({ port }) => port <= 65_535),
      ),
      'host:port or a port, such as 9092 or 0.0.0.0:9092',
      options,
    ),

  /** A certificate or a key: PEM as it is, or a file of it. The value is the PEM. */
  pem: <const O extends SettingOptions>(options: O) =>
    made(v.pipe(nonEmpty, v.rawTransform(readPem)), 'PEM (-----BEGIN …), or a file of it', options),

  /** Separated by commas; each part is as the pattern says, and there is at least one. */
  list: <const O extends SettingOptions & { readonly expected: string }>(pattern: RegExp, options: O) =>
    made<readonly string[], O>(
      v.pipe(
        nonEmpty,
        v.transform((value) => value.split(',').map((part) => part.trim())),
        v.array(v.pipe(v.string(), v.regex(pattern))),
      ),
      options.expected,
      options,
    ),
} as const
