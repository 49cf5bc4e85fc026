/** Arguments of a step: a name first, if the step is to have one, then what it does. */
export type Named<A extends readonly unknown[]> = [name: string, ...rest: A] | A

/** Takes the two apart. What a step does is never a string, so a leading string is a name. */
export function splitName<A extends readonly unknown[]>(
  args: Named<A>,
): { readonly name: { readonly name?: string }; readonly rest: A } {
  return isNamed(args)
    ? { name: { name: args[0] }, rest: args.slice(1) as readonly unknown[] as A }
    : { name: {}, rest: args }
}

function isNamed<A extends readonly unknown[]>(args: Named<A>): args is [string, ...A] {
  return typeof args[0] === 'string'
}
