import * as v from 'valibot'
import type { Change, LogPosition, StateTable } from '../state/state-table.ts'
import type { Topics } from '../topic/topics.ts'

interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  /** Of the record before it; absent: whoever committed it did not say. */
  readonly leaderEpoch?: number
  readonly metadata: string | null
}

const stored = v.object({
  group: v.string(),
  topic: v.string(),
  partition: v.number(),
  offset: v.number(),
  leaderEpoch: v.exactOptional(v.number()),
  metadata: v.nullable(v.string()),
})

/** The committed offsets of all groups. They don't expire: a group that comes back after a month goes on. */
export class CommittedOffsets {
  /** Of its keys in the broker's state. */
  static readonly prefix = 'offset/'
  readonly #state: StateTable
  readonly #topics: Topics
  readonly #groups = new Map<string, Map<string, CommittedOffset>>()

  constructor(state: StateTable, topics: Topics) {
    this.#state = state
    this.#topics = topics
    for (const [, value] of state.entries(CommittedOffsets.prefix)) {
      const { group, ...offset } = v.parse(stored, value)
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

  /** Together with `others` and what these rest on: all of it lasts, or none. */
  commit(
    commits: Iterable<readonly [group: string, offsets: readonly CommittedOffset[]]>,
    others: readonly Change[] = [],
    othersRestOn: readonly LogPosition[] = [],
  ) {
    const all = [...commits].flatMap(([group, offsets]) =>
      offsets.map((offset) => ({ key: key(group, offset), value: { group, ...offset } })),
    )
    const restsOn = all.flatMap(({ value }) => this.positionsOf([value]))
    this.#state.change([...all, ...others], [...restsOn, ...othersRestOn])
    for (const { value } of all) {
      const { group, ...offset } = value
      this.#remember(group, offset)
    }
  }

  /** Up to where there must be records for these offsets; one that was committed beyond the end needs none. */
  positionsOf(offsets: readonly CommittedOffset[]): LogPosition[] {
    return offsets.flatMap((committed) =>
      this.#topics
        .logsOf([committed])
        .filter(({ endOffset }) => committed.offset <= endOffset)
        .map(({ name }) => [name, committed.offset] as const),
    )
  }

  /** Those that are given, of which there may be none; default: all. */
  delete(group: string, offsets: readonly TopicPartition[] = this.all(group)): void {
    this.#forget(group, offsets)
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

  #forget(group: string, offsets: readonly TopicPartition[]): void {
    this.#state.change(offsets.map((offset) => ({ key: key(group, offset), value: undefined })))
    const left = this.#groups.get(group)
    for (const { topic, partition } of offsets) left?.delete(place(topic, partition))
    if (left?.size === 0) this.#groups.delete(group)
  }
}

const place = (topic: string, partition: number) => `${topic}/${partition}`
const key = (group: string, { topic, partition }: TopicPartition) =>
  `${CommittedOffsets.prefix}${place(topic, partition)}/${group}`
