import { RivuletError } from '../errors.ts'

/** Throws `BAD_TOPOLOGY` for a name that Kafka does not take. */
export function checkTopicName(name: string): void {
  if (/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/.test(name)) return
  const rule = 'a name has up to 249 letters, digits, ".", "_" and "-"'
  throw new RivuletError('BAD_TOPOLOGY', `${JSON.stringify(name)} can't name a topic: ${rule}`)
}

/** A step's or store's name as part of a topic's name, which may hold letters, digits, ".", "_" and "-" only. */
export function asTopicName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9._-]+/g, '-')
}

/** Where what can't be decoded goes, of a topic or a source. */
export function deadLetterTopicOf(name: string): string {
  return `${asTopicName(name)}-dead-letters`
}
