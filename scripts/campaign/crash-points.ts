/**
 * Where a program can be killed, and what is half done then. A point is where a request of one kind is about to be sent, or
 * has been and nobody knows what became of it, or its answer has just come; or where a file is about to be changed, or has
 * been. The number: how often a program comes there soon after its start at the least.
 */
export const crashPoints = {
  'before-sync-group': 1,
  'before-init-producer-id': 2,
  'before-add-partitions': 10,
  'before-produce': 10,
  'after-produce': 10,
  'before-commit-offsets': 5,
  'before-end-txn': 10,
  'after-end-txn': 10,
  'end-txn-answered': 10,
  'before-insert': 2,
  'after-insert': 2,
  'insert-answered': 2,
  'file-written': 30,
  'before-file-sync': 5,
  'before-rename': 1,
  'file-renamed': 1,
} as const
/** One of `crashPoints`. */
export type CrashPoint = keyof typeof crashPoints
