import { Command, CommanderError, Option } from 'commander'
import { RivuletError } from '../errors.ts'
import { shown } from '../shown.ts'
import type { ConfigOf, Setting, Settings } from './setting.ts'

/** What a program says of itself on the command line. */
export interface ProgramWords {
  /** How it is called. */
  readonly name: string
  /** A sentence. */
  readonly summary: string
}

/** What a program was told. */
export interface Told<S extends Settings> {
  /** Each setting's value. */
  readonly config: ConfigOf<S>
  /** The settings that somebody chose, where the others have their defaults. */
  readonly chosen: ReadonlySet<keyof S>
}

/** What commander has read, by the names of the settings: a flag that stands alone is `true`. */
export type Flags = Readonly<Record<string, string | boolean>>

/** What the user asked for instead of a run: the help. */
export interface HelpAsked {
  /** The text to be printed. */
  readonly help: string
}

/**
 * Reads settings from flags (first) and variables. Throws `BAD_CONFIG` with a sentence that names the variable, its
 * value and what would be right.
 *
 * @example
 * ```ts
 * const settings = { rounds: setting.wholeNumber({ description: 'how often', min: 1, max: 9, default: '3' }) }
 * const told = readSettings({ name: 'knock', summary: 'Knocks.' }, settings, [], { ROUNDS: '2' })
 * if ('config' in told) console.log(told.config.rounds)
 * ```
 */
export function readSettings<S extends Settings>(
  program: ProgramWords,
  settings: S,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Told<S> | HelpAsked {
  const command = commandOf(program, settings)
  let flags: Flags
  try {
    flags = command.parse(args, { from: 'user' }).opts()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return { help: command.helpInformation() }
    throw new RivuletError('BAD_CONFIG', withoutSecrets(error.message.replace(/^error: /, '')))
  }
  return toldBy(settings, flags, env)
}

/** The flags of settings, for a command of one's own. */
export function optionsOf(settings: Settings): Option[] {
  return Object.entries(settings).map(([name, setting]) => {
    const { description, placeholder = '<value>', flagOnly = false } = setting
    const byDefault = setting.secret && setting.default ? 'not shown' : (setting.default ?? 'none')
    const facts = flagOnly ? '' : ` (${variableOf(name)}; default ${byDefault})`
    const option = new Option(`${flagOf(name)} ${placeholder}`, `${description}${facts}`)
    // `noCache` is a setting of that name, not the opposite of `cache`.
    option.negate = false
    return option
  })
}

/** What the flags and variables say. Throws `BAD_CONFIG`. */
export function toldBy<S extends Settings>(
  settings: S,
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Told<S> {
  const chosen = new Set<keyof S>()
  const values = Object.entries(settings).map(([name, setting]) => {
    const given = givenFor(name, setting, flags, env)
    if (given) chosen.add(name)
    return [name, readValue(name, setting, given)]
  })
  // Each value is what its own setting's schema gave.
  return { config: Object.fromEntries(values) as ConfigOf<S>, chosen }
}

/** `dataDir` as a variable. */
export function variableOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

/** `dataDir` as a flag. */
export function flagOf(name: string): string {
  return `--${variableOf(name).toLowerCase().replaceAll('_', '-')}`
}

export function badSetting(name: string, message: string, cause?: unknown): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { cause, place: { parameter: name } })
}

function commandOf({ name, summary }: ProgramWords, settings: Settings): Command {
  const command = new Command(name)
    .description(summary)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .allowExcessArguments(false)
  for (const option of optionsOf(settings)) command.addOption(option)
  return command
}

interface Given {
  /** What the user wrote. */
  readonly text: string
  /** Where. */
  readonly said: string
}

function givenFor(
  name: string,
  { bare, flagOnly = false, takesEmpty = false }: Setting<unknown>,
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Given | undefined {
  const variable = variableOf(name)
  const flag = flags[name] === true ? bare : flags[name]
  if (typeof flag === 'string')
    return { text: flag, said: flagOnly ? flagOf(name) : `${flagOf(name)} (${variable})` }
  const text = flagOnly ? undefined : env[variable]
  return text === undefined || (text === '' && !takesEmpty) ? undefined : { text, said: variable }
}

function readValue(name: string, setting: Setting<unknown>, given: Given | undefined): unknown {
  const text = given?.text ?? setting.default
  if (text === undefined) return undefined
  const result = setting.schema['~standard'].validate(text)
  if (result instanceof Promise)
    throw badSetting(name, `the schema of the setting ${name} answers with a promise: it must answer at once`)
  if (!result.issues) return result.value
  const value = setting.secret ? 'not shown' : shown(withoutSecrets(text))
  throw badSetting(name, `${given?.said ?? variableOf(name)} is ${value}, but it must be ${setting.expected}`)
}

/**
 * A flag that is unknown, or taken for the value of the one before it, may be a misspelled or misplaced one with a secret for
 * its value; an address may hold a user and a password.
 */
function withoutSecrets(text: string): string {
  return text.replace(/(--?[\w-]+)=.*?('?)$/s, '$1=…$2').replace(/\/\/.*@/s, '//…@')
}
