/** A step's or store's name as part of a topic's name, which may hold letters, digits, ".", "_" and "-" only. */
export function asTopicName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9._-]+/g, '-')
}
