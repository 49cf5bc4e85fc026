import { required } from '../checked.ts'
import type { ErrorPlace } from '../errors.ts'

/** Arguments of a step: a name first, if the step is to have one, then what it does. */
export type Named<A extends readonly unknown[]> = [name: string, ...rest: A] | A

/** A step's name as part of its spec; empty where the graph gives one. */
export interface StepName {
  readonly name?: string
}

/** What a step is called before the graph has it. */
export interface StepSpec extends StepName {
  /** The DSL's word for it, such as `mapValues`. */
  readonly kind: string
}

/**
 * Takes the name off the arguments. What a step does is never a string, so a leading string is a name. Throws
 * `BAD_TOPOLOGY` for the arguments that are not given though they have to be: `needed` is what they are called.
 */
export function splitName<A extends readonly unknown[]>(
  args: Named<A>,
  ...needed: readonly string[]
): readonly [name: StepName, ...rest: A] {
  if (!isNamed(args)) {
    checkGiven(args, needed, {})
    return [{}, ...args]
  }
  const [name, ...rest] = args
  checkGiven(rest, needed, { name })
  return [{ name }, ...rest]
}

/** The step as the place of an error, as far as it is named. */
export function placeOf({ name }: { readonly name?: string | undefined }): ErrorPlace {
  return name === undefined ? {} : { step: name }
}

function checkGiven(args: readonly unknown[], needed: readonly string[], step: StepName): void {
  for (const [i, parameter] of needed.entries()) required({ [parameter]: args[i] }, placeOf(step))
}

function isNamed<A extends readonly unknown[]>(args: Named<A>): args is [string, ...A] {
  return typeof args[0] === 'string'
}
