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

/** Takes the name off the arguments. What a step does is never a string, so a leading string is a name. */
export function splitName<A extends readonly unknown[]>(
  args: Named<A>,
): readonly [name: StepName, ...rest: A] {
  if (!isNamed(args)) return [{}, ...args]
  const [name, ...rest] = args
  return [{ name }, ...rest]
}

function isNamed<A extends readonly unknown[]>(args: Named<A>): args is [string, ...A] {
  return typeof args[0] === 'string'
}
