import { RivuletError } from '../errors.ts'

/** Kafka takes no longer name, of a topic as of a step. */
export const nameCharactersMax = 249

/** Throws `BAD_TOPOLOGY` for a name that Kafka does not take. */
export function checkTopicName(name: string): void {
  if (/^(?!\.{1,2}$)[a-zA-Z0-9._-]+$/.test(name) && name.length <= nameCharactersMax) return
  const rule = `a name has up to ${nameCharactersMax} letters, digits, ".", "_" and "-"`
  throw new RivuletError('BAD_TOPOLOGY', `${JSON.stringify(name)} can't name a topic: ${rule}`, {
    place: { topic: name },
  })
}

/** A step's or store's name as part of a topic's name, which may hold letters, digits, ".", "_" and "-" only. */
export function asTopicName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9._-]+/g, '-')
}

/** Where what can't be decoded goes, of a topic or a source. */
export function deadLetterTopicOf(name: string): string {
  return `${asTopicName(name)}-dead-letters`
}

/** Where a source's position lies, and by whose partition its owner is known; without the application's prefix. */
export function positionTopicOf(source: string): string {
  return `${asTopicName(source)}-position`
}

/** Where the truth of a store lies; without the application's prefix, as all names of its own topics. */
export function changelogOf(store: string): string {
  return `${asTopicName(store)}-changelog`
}
