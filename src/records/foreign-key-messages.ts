/**
 * What the right side is to do for a left row: keep the subscription and answer always, or only if there is a right row;
 * or forget it and answer, or forget it silently.
 */
export type Instruction = 'answer' | 'answer-if-found' | 'delete-and-answer' | 'delete'

/** From a left row to the right row that it names; keyed by the foreign key. */
export interface Subscription<K> {
  /** What the right side is to do. */
  readonly instruction: Instruction
  /** Of the left row. */
  readonly key: K
  /** Of the left row's value; empty: it is deleted. */
  readonly hash: Buffer
  /** Where the left row lives: the answer goes back there, however its topic is partitioned. */
  readonly partition: number
}

/** From a right row back to a left one; keyed by the left row's key. */
export interface SubscriptionResponse<R> {
  /** As the subscription had it: it tells which of the left row's values this answers. */
  readonly hash: Buffer
  /** The right row's; null: there is none. */
  readonly value: R | null
  /** Where the left row lives. */
  readonly partition: number
}
