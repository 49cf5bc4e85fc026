import type { Mutant } from './mutant.ts'

/** Safeguards of stores and of the steps that have them. */
export const stateMutants: readonly Mutant[] = [
  {
    name: 'suppressed-updates-are-logged',
    file: 'src/state/suppress-buffer.ts',
    from: 'logged: true,',
    to: 'logged: false,',
    why: 'what is held back survives its instance',
  },
  {
    name: 'released-updates-are-logged',
    file: 'src/state/suppress-buffer.ts',
    from: 'this.#remove(entry)\n    this.#dirty.mark(entry)',
    to: 'this.#remove(entry)',
    why: 'what was let go is not held back again after a restart',
  },
  {
    name: 'joined-records-are-logged',
    file: 'src/state/join-store.ts',
    from: 'logged: true,',
    to: 'logged: false,',
    why: 'what waits for its partner survives its instance',
  },
  {
    name: 'windows-are-logged',
    file: 'src/state/window-store.ts',
    from: 'logged: true,',
    to: 'logged: false,',
    why: 'windows survive their instance',
  },
  {
    name: 'rows-are-logged',
    file: 'src/state/key-value-store.ts',
    from: '    logged,\n    ...(storeType',
    to: '    logged: false,\n    ...(storeType',
    why: 'rows survive their instance',
  },
  {
    name: 'late-by-stream-time',
    file: 'src/operators/window-aggregate.ts',
    from: 'if (recordMs > streamTime.ms) streamTime.ms = recordMs\n        const closedMs',
    to: 'streamTime.ms = context.now()\n        const closedMs',
    why: 'what is too late is so by the times of the records, not by the clock of who looks',
  },
  {
    name: 'checkpoints-behind-commits',
    file: 'src/runtime/stream-task.ts',
    from: 'await producer.commit(offsets, logging)\n    this.#outbox.release()',
    to: 'state.committed(await logging)\n    await producer.commit(offsets, logging)\n    this.#outbox.release()',
    why: 'what is in a checkpoint has been committed',
  },
  {
    name: 'torn-checkpoints',
    file: 'src/state/checkpoint.ts',
    from: 'return crc32(body) === bytes.readUInt32BE(at + 4) ? { body, end } : undefined',
    to: 'return { body, end }',
    why: 'what a loss of power has torn is not restored',
    deployment: 'flowing',
  },
  {
    name: 'tombstones-are-all-there',
    file: 'src/runtime/leads-on.ts',
    from: 'if (behind >= offsetsOfCommitMin && !(await hasAllTombstones(covered, changelog))) return false',
    to: '',
    why: 'a checkpoint that is older than the tombstones behind it does not bring deleted keys back',
    deployment: 'deleting',
  },
]
