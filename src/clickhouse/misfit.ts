/** Says what a value is not, in few words however long it is. */
export function misfit(value: unknown, expected: string): Error {
  const shown = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
  return new Error(`${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown} is no ${expected}`)
}
