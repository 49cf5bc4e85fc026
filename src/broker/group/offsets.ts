import { z } from 'zod'
import type { Change, StateTable } from '../state/state-table.ts'

export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string | null
}

const prefix = 'offset/'
const stored = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.number(),
  offset: z.number(),
  metadata: z.string().nullable(),
})

/** The committed offsets of all groups. They don't expire: a group that comes back after a month goes on. */
export class CommittedOffsets {
  readonly #state: StateTable
  readonly #groups = new Map<string, Map<string, CommittedOffset>>()

  constructor(state: StateTable) {
    this.#state = state
    for (const [, value] of state.entries(prefix)) {
      const { group, ...offset } = stored.parse(value)
      this.#remember(group, offset)
    }
  }

  groups(): Iterable<string> {
    return this.#groups.keys()
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(place(topic, partition))
  }

  all(group: string): CommittedOffset[] {
    return [...(this.#groups.get(group)?.values() ?? [])]
  }

  /** Together with `others`: all of it lasts, or none. */
  commit(
    commits: Iterable<readonly [group: string, offsets: readonly CommittedOffset[]]>,
    others: Change[] = [],
  ) {
    const all = [...commits].flatMap(([group, offsets]) =>
      offsets.map((offset) => ({ key: key(group, offset), value: { group, ...offset } })),
    )
    this.#state.change([...all, ...others])
    for (const { value } of all) {
      const { group, ...offset } = value
      this.#remember(group, offset)
    }
  }

  delete(group: string): void {
    this.#forget(group, this.all(group))
  }

  topicDeleted(topic: string): void {
    for (const group of [...this.#groups.keys()]) {
      const gone = this.all(group).filter((offset) => offset.topic === topic)
      if (gone.length > 0) this.#forget(group, gone)
    }
  }

  #remember(group: string, offset: CommittedOffset): void {
    const offsets = this.#groups.get(group) ?? new Map<string, CommittedOffset>()
    offsets.set(place(offset.topic, offset.partition), offset)
    this.#groups.set(group, offsets)
  }

  #forget(group: string, offsets: readonly CommittedOffset[]): void {
    this.#state.change(offsets.map((offset) => ({ key: key(group, offset), value: undefined })))
    const left = this.#groups.get(group)
    for (const { topic, partition } of offsets) left?.delete(place(topic, partition))
    if (left?.size === 0) this.#groups.delete(group)
  }
}

const place = (topic: string, partition: number) => `${topic}/${partition}`
const key = (group: string, { topic, partition }: CommittedOffset) =>
  `${prefix}${place(topic, partition)}/${group}`
