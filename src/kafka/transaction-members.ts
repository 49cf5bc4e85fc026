import { isRetryable } from '../errors.ts'
import type { Broker } from './internals.ts'
import { topicPartitions } from './topic-partitions.ts'
import { kafkaErrorType } from './translate.ts'
import type { TopicPartition } from './types.ts'

export interface TransactionMembersOptions {
  readonly transactionalId: string
  /** Throws when nothing may be added any more, said of this. */
  checkOpen(what: string): void
  /** Asks the transaction's coordinator until it answers, or will never answer otherwise. */
  coordinate(
    what: string,
    ask: Ask,
    options?: { readonly retryable: (error: unknown) => boolean },
  ): Promise<unknown>
  addPartitions(topics: ReturnType<typeof topicPartitions<TopicPartition, number>>): Ask
  addOffsets(groupId: string): Ask
}

type Ask = (broker: Broker) => Promise<unknown>

interface Asked extends TopicPartition {
  resolve(): void
  reject(error: unknown): void
}

/** What the coordinator says of one of several partitions, and of those that it has left alone because of that one. */
const errorsOfOne = new Set([
  'OPERATION_NOT_ATTEMPTED',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
])

/**
 * What the coordinator was told belongs to the open transaction: partitions, and groups for their offsets. It takes one
 * request of a transaction at a time, and refuses others meanwhile, so one is sent after the other; partitions that are asked
 * for meanwhile go together in the next. Source: Java's `TransactionManager`.
 */
export class TransactionMembers {
  readonly #options: TransactionMembersOptions
  readonly #members = new Map<string, Promise<unknown>>()
  #asked: Asked[] = []
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: TransactionMembersOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  /** The transaction is over. */
  clear(): void {
    this.#members.clear()
  }

  /** Resolves when it belongs to the transaction. */
  async addPartition({ topic, partition }: TopicPartition): Promise<unknown> {
    return this.#member(
      nameOf({ topic, partition }),
      () =>
        new Promise<void>((resolve, reject) => {
          this.#asked.push({ topic, partition, resolve, reject })
          if (this.#asked.length === 1) void this.#inTurn(() => this.#addAsked())
        }),
    )
  }

  /** The same of a group. */
  async addOffsets(groupId: string): Promise<unknown> {
    const { coordinate, addOffsets: ask } = this.#options
    return this.#member(`the offsets of group ${groupId}`, (what) =>
      this.#inTurn(() => coordinate(what, ask(groupId))),
    )
  }

  #member(name: string, add: (what: string) => Promise<unknown>): Promise<unknown> {
    let added = this.#members.get(name)
    if (!added) {
      const what = this.#what(name)
      this.#options.checkOpen(what)
      added = add(what)
      this.#members.set(name, added)
      // What was never added needs no end; the coordinator would refuse to end a transaction of nothing.
      added.catch(() => this.#members.delete(name))
    }
    return added
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined) // who asked is told
    return done
  }

  /** Never rejects: each of them is told. */
  async #addAsked(): Promise<void> {
    const asked = this.#asked
    this.#asked = []
    const isOfOne = (error: unknown) => errorsOfOne.has(kafkaErrorType(error) ?? '')
    try {
      await this.#add(asked, (error) => isRetryable(error) && (asked.length === 1 || !isOfOne(error)))
      for (const each of asked) each.resolve()
    } catch (error) {
      if (asked.length > 1 && isOfOne(error)) await this.#addApart(asked)
      else for (const each of asked) each.reject(error)
    }
  }

  /** One of them is refused, and only that one must be. */
  async #addApart(asked: readonly Asked[]): Promise<void> {
    for (const each of asked) await this.#add([each], isRetryable).then(each.resolve, each.reject)
  }

  #add(asked: readonly Asked[], retryable: (error: unknown) => boolean): Promise<unknown> {
    const what = this.#what(asked.map(nameOf).join(', '))
    const topics = topicPartitions(asked, ({ partition }) => partition)
    return this.#options.coordinate(what, this.#options.addPartitions(topics), {
      retryable,
    })
  }

  #what(name: string): string {
    return `Can't add ${name} to the transaction of ${this.#options.transactionalId}`
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `partition ${partition} of topic ${topic}`
}
