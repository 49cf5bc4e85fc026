/**
 * Where a program can be killed, and what is half done then. A point is where a request of one kind is about to be sent, or
 * has been and nobody knows what became of it, or its answer has just come; or where a file is about to be changed.
 */
export const crashPoints = [
  'before-init-producer-id',
  'before-add-partitions',
  'before-produce',
  'after-produce',
  'before-commit-offsets',
  'before-end-txn',
  'after-end-txn',
  'end-txn-answered',
  'before-sync-group',
  'before-insert',
  'after-insert',
  'insert-answered',
  'file-written',
  'before-file-sync',
  'before-rename',
  'file-renamed',
] as const
/** One of `crashPoints`. */
export type CrashPoint = (typeof crashPoints)[number]
