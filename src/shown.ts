const quotedCharactersMax = 100

/** A value as a sentence may quote it: in few words, however long or deep it is, and whatever it is made of. */
export function shown(value: unknown): string {
  return shortened(textOf(value), quotedCharactersMax)
}

/** The beginning of a text. */
export function shortened(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  // JSON has no words for NaN and its like.
  if (typeof value === 'number') return String(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
