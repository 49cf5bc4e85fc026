import type { Covered, Reach, StoreChanges } from './checkpoint.ts'
import type { ChangelogAppender } from './store.ts'

/** What there is of a store's changelog on the local disk. */
export interface LocalCopy {
  /** Undefined: nobody has asked for what lies there. */
  readonly path: string | undefined
  /**
   * Answers how far it leads, and hands over what the store can't find there itself, oldest first. Undefined: it holds
   * nothing of use. To be called once, before all else.
   */
  load(append: ChangelogAppender): Promise<Covered | undefined>
  /** What comes is appended behind what `load` has found; without it, it begins anew. */
  append(changes: StoreChanges, reach: Reach): Promise<void> | undefined
  /** Throws it away: the next `append` begins anew. */
  clear(): Promise<void>
  /** Nothing more is asked of it. */
  close(): Promise<void>
}
