/** What of a `.proto` tells which messages there are: comments and texts may hold braces, too. */
const tokens =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\bpackage\s+([\w.]+)\s*;|\b(?:message|group)\s+(\w+)\s*(?:=\s*\d+\s*)?\{|[{}]/g

interface Scope {
  readonly name: string
  /** Of a message; undefined: of an enum, a service, a oneof. */
  readonly indexes: readonly number[] | undefined
  messages: number
}

/** The full names of a `.proto`'s messages, by their indexes joined with a dot: `shop.Order.Line` is `0.0`. */
export function messageNamesOf(proto: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const file: Scope = { name: '', indexes: [], messages: 0 }
  const scopes = [file]
  let packageName = ''
  for (const [token, named, message] of proto.matchAll(tokens)) {
    if (named !== undefined) packageName = named
    else if (message !== undefined) {
      // A group within a oneof is one of the message around it.
      const around = scopes.findLast(({ indexes }) => indexes !== undefined) ?? file
      const indexes = [...(around.indexes ?? []), around.messages++]
      const name = [around === file ? packageName : around.name, message].filter(Boolean).join('.')
      names.set(indexes.join('.'), name)
      scopes.push({ name, indexes, messages: 0 })
    } else if (token === '{') scopes.push({ name: '', indexes: undefined, messages: 0 })
    else if (token === '}' && scopes.length > 1) scopes.pop()
  }
  return names
}
