import { RivuletError } from '../errors.ts'

/** What is declared of a topic, whether it is read or only written: of its serdes just which ones they are. */
export interface TopicDeclaration {
  readonly name: string
  readonly key: { readonly name: string }
  readonly value: { readonly name: string }
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

/**
 * The topics that a topology reads and writes: each name stands for one declaration. Else a topic that is declared in two
 * files would be written with one serde and read with another, and made with the settings of whichever came first.
 */
export class DeclaredTopics {
  readonly #topics = new Map<string, TopicDeclaration>()

  /** Throws `BAD_TOPOLOGY`, which says what differs, where the name stands for another declaration already. */
  declare(topic: TopicDeclaration, step?: string): void {
    const known = this.#topics.get(topic.name)
    const difference = known && differenceOf(known, topic)
    if (difference !== undefined) {
      throw new RivuletError(
        'BAD_TOPOLOGY',
        `the topic "${topic.name}" is declared twice, with ${difference}: declare it once and use that wherever it is read or written`,
        { place: { topic: topic.name, ...(step !== undefined && { step }) } },
      )
    }
    this.#topics.set(topic.name, topic)
  }
}

function differenceOf(a: TopicDeclaration, b: TopicDeclaration): string | undefined {
  if (a.key !== b.key) return `two key serdes (${a.key.name} and ${b.key.name})`
  if (a.value !== b.value) return `two value serdes (${a.value.name} and ${b.value.name})`
  if (a.partitions !== b.partitions) return `${a.partitions} and ${b.partitions} partitions`
  const setting = [...Object.keys(a.config), ...Object.keys(b.config)].find(
    (key) => a.config[key] !== b.config[key],
  )
  return setting && `${setting} ${a.config[setting] ?? 'absent'} and ${b.config[setting] ?? 'absent'}`
}
