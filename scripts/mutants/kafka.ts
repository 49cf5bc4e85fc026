import type { Mutant } from './mutant.ts'

/** Safeguards of the client: how it writes, and what it reads. */
export const kafkaMutants: readonly Mutant[] = [
  {
    name: 'unanswered-end-is-unknown',
    file: 'src/kafka/transactional-producer.ts',
    from: '{ retryable: (error) => isRetryable(error) && !isUnanswered(error) },',
    to: '{ retryable: isRetryable },',
    why: 'the end of a transaction that was never answered is not asked for again: the late original could end the next one',
  },
  {
    name: 'no-answer-is-no-refusal',
    file: 'src/kafka/translate.ts',
    from: "if (translated.code !== 'KAFKA_UNREACHABLE') return translated\n",
    to: 'return translated\n',
    why: 'a connection that ends behind a request says nothing of what became of it',
  },
  {
    name: 'batches-have-sequence-numbers',
    file: 'src/kafka/appender.ts',
    from: 'sequence: lane.sequence, transactional }',
    to: 'sequence: -1, transactional }',
    why: 'a batch that is sent again is known by its number',
  },
  {
    name: 'flush-before-commit',
    file: 'src/kafka/transactional-producer.ts',
    from: 'async commit(): Promise<void> {\n    await Promise.allSettled(this.#pending)\n',
    to: 'async commit(): Promise<void> {\n',
    why: 'a transaction is ended when all that belongs to it has been acknowledged',
  },
  {
    name: 'read-committed',
    file: 'src/kafka/fetch-request.ts',
    from: "isolation: keyof typeof isolationLevels = 'committed',",
    to: "isolation: keyof typeof isolationLevels = 'uncommitted',",
    why: 'nothing is read whose transaction is open, or was aborted',
  },
  {
    name: 'aborted-records-are-skipped',
    file: 'src/kafka/decode-fetch.ts',
    from: 'return (attributes & transactionalBit) !== 0 && this.#inside.has(producerId)',
    to: 'return false',
    why: 'what was aborted lies in the log all the same',
  },
  {
    name: 'markers-end-aborted-runs',
    file: 'src/kafka/decode-fetch.ts',
    from: 'this.#inside.delete(producerId)\n',
    to: '',
    why: 'behind its marker an aborted transaction is over: what its producer writes next counts',
  },
  {
    name: 'markers-have-offsets',
    file: 'src/kafka/decode-fetch.ts',
    from: 'nextOffset = Math.max(nextOffset, lastOffset + 1)',
    to: 'if (!skip) nextOffset = Math.max(nextOffset, lastOffset + 1)',
    why: 'a reader goes on behind markers and aborted records, too',
  },
  {
    name: 'expelled-members-let-go',
    file: 'src/kafka/membership.ts',
    from: 'if (gone.length > 0) this.#options.lost(gone)',
    to: '',
    why: 'who has lost its place in the group gives up what it had',
  },
]
