import type { UnseenMutant } from './mutant.ts'

/** Safeguards that a seed can't show, and what does. */
export const unseenMutants: readonly UnseenMutant[] = [
  {
    name: 'settled-offsets',
    file: 'src/kafka/offset-requests.ts',
    from: '.int8(settled ? 1 : 0)',
    to: '.int8(0)',
    why: 'a task goes on when it is settled how far its last owner has come, whatever that was called',
    unseen:
      'a task has shut out those who had its inputs before it asks; only the very first commit of another version can be under way then',
    test: 'test/kafka/admin.test.ts',
  },
  {
    name: 'leader-epochs',
    file: 'src/kafka/fetcher.ts',
    from: 'return epoch < 0 || epoch === leader.epoch',
    to: 'return true',
    why: 'who reads on under another leader makes sure that it is the same log up to there',
    unseen:
      'a log that has lost its end is for an operator: no seed draws what no deployment can go on after',
    test: 'test/kafka/lost-records.test.ts',
  },
  {
    name: 'closed-checkpoints',
    file: 'src/runtime/task-state.ts',
    from: 'if (this.#isClosed) return',
    to: '',
    why: 'a commit that ends behind its task leaves the files alone: they may be those of the next one',
    unseen: 'closing a task closes the connection on which its commit would be answered',
    test: 'test/runtime/task-state.test.ts',
  },
  {
    name: 'torn-checkpoints-are-cut',
    file: 'src/state/checkpoint.ts',
    from: 'if (this.#file.sizeBytes !== this.#bytes) this.#file.truncate(this.#bytes)',
    to: '',
    why: 'nothing is appended behind what was torn',
    unseen:
      'what lies behind it is not read, but the changelog in its place: that takes longer, and is as right',
    test: 'test/state/checkpoint.test.ts',
  },
  {
    name: 'replicas-lag-behind',
    file: 'src/clickhouse/table-writer.ts',
    from: 'const last = row.found === 0 || (seen && seen.to > to) ? seen : { offset, from, to }',
    to: 'const last = row.found === 0 ? undefined : { offset, from, to }',
    why: 'what was seen in a table is there, also if the next replica does not have it yet',
    unseen:
      'an insert behind an older row has a token that is used up: it is tried again until the replica has caught up',
    test: 'test/clickhouse/sink.test.ts',
  },
  {
    name: 'look-again-when-not-fresh',
    file: 'src/clickhouse/table-writer.ts',
    from: 'while (!known || Math.abs(clock.now() - known.asOfMs) > freshMs)',
    to: 'while (!known)',
    why: 'who has slept for longer than a table remembers tokens looks again before it inserts',
    unseen: 'hardly anybody sleeps for so long just between a look and an insert',
    test: 'test/clickhouse/sink.test.ts',
  },
  {
    name: 'buffers-under-way',
    file: 'src/clickhouse/table-batch.ts',
    from: 'return this.#whole?.tries === 1 && length > buffer.length / 2 ? buffer : undefined',
    to: 'return length > buffer.length / 2 ? buffer : undefined',
    why: 'bytes that an earlier try may still be sending are not written over',
    unseen:
      'an earlier try that comes late has the token of rows that are there: it is dropped, whatever it holds by then',
    test: 'test/clickhouse/sink.test.ts',
  },
  {
    name: 'sync-before-the-decision',
    file: 'src/broker/transaction/transactions.ts',
    from: 'await this.#options.durable(this.#logsOf(transaction))',
    to: '',
    why: 'what a commit rests on is on the medium before it',
    unseen:
      'the client asks for the end when all has been acknowledged, and what it has read was on the medium, too',
    test: 'test/broker/power-loss.test.ts',
  },
  {
    name: 'ending-is-waited-for',
    file: 'src/broker/transaction/transactions.ts',
    from: `if (transaction?.status !== 'commit' && transaction?.status !== 'abort') return
    throw`,
    to: `if (transaction?.status !== undefined) return
    throw`,
    why: 'nothing is begun while the markers of the last transaction are being written',
    unseen:
      'a client is answered when they are written, and one that misses its answer takes longer to come back',
    test: 'test/broker/transaction/transactions.test.ts',
  },
  {
    name: 'hanging-transactions',
    file: 'src/broker/transaction/transactions.ts',
    from: `this.#abortHanging()
  }

  /** Source: Kafka \`InitProducerId\``,
    to: `}

  /** Source: Kafka \`InitProducerId\``,
    why: 'what is open in a log and known to nobody is aborted',
    unseen: 'with `fsync: always` the coordinator’s word is on the medium before the first record is sent',
    test: 'test/broker/power-loss.test.ts',
  },
  {
    name: 'ends-spare-the-next-one',
    file: 'src/broker/transaction/transactions.ts',
    from: 'return openSince !== undefined && endOffset !== undefined && openSince >= endOffset',
    to: 'return false',
    why: 'what was decided before a loss of power ends nothing that was begun behind it',
    unseen: 'with `fsync: always` an end is on the medium before the next transaction begins',
    test: 'test/broker/power-loss.test.ts',
  },
  {
    name: 'checksums',
    file: 'src/broker/log/segment.ts',
    from: 'if (order && (batchFault(bytes) || !this.#follows(header, nextOffset, order))) return',
    to: 'if (order && !this.#follows(header, nextOffset, order)) return',
    why: 'a batch with a hole in it was never written to its end',
    unseen: 'where so little is written a hole reaches to the end of the log: no batch is whole but for it',
    test: 'test/broker/log/partition-log.test.ts',
  },
  {
    name: 'answers-from-before-a-seek',
    file: 'src/kafka/fetcher.ts',
    from: 'if (!entry || !this.#isCurrent(entry.reading, entry.epoch)) continue',
    to: 'if (!entry) continue',
    why: 'what was asked for before a reader went elsewhere does not come to it',
    unseen:
      'only a sink goes elsewhere, behind a rival who was first; one of the two loses the partition then',
    test: 'test/kafka/consumer.test.ts',
  },
  {
    name: 'copies-are-checked',
    file: 'src/runtime/task-creator.ts',
    from: 'return await state.leadsOn()',
    to: 'return true',
    why: 'a copy that has missed deletions does not bring deleted keys back when it takes over',
    unseen: 'each second a copy that is awake is held to its changelogs anyway',
    test: 'test/runtime/task-creator.test.ts',
  },
  {
    name: 'copies-are-state',
    file: 'src/runtime/task-creator.ts',
    from: 'state.isFound || ',
    to: '',
    why: 'a group that has lost its offsets does not count again what a copy has of it already',
    unseen: 'no seed takes offsets away',
    test: 'test/runtime/task-creator.test.ts',
  },
  {
    name: 'copies-know-where-they-are',
    file: 'src/runtime/restore.ts',
    from: '      reached?.({ nextOffset, knownAtMs, witness })\n',
    to: '',
    why: 'a copy that was interrupted does not write its checkpoint backwards: rewritten, that would have a hole',
    unseen: 'what a seed writes is fetched at once, and its checkpoints are too small to be rewritten',
    test: 'test/runtime/standby-task.test.ts',
  },
  {
    name: 'few-warm-ups',
    file: 'src/runtime/standby-assignor.ts',
    from: 'const warmupsMax = 2',
    to: 'const warmupsMax = Number.POSITIVE_INFINITY',
    why: 'who comes does not have everything copied at once',
    unseen: 'that takes longer, and is as right',
    test: 'test/runtime/standby-assignor.test.ts',
  },
  {
    name: 'warm-ups-have-caught-up',
    file: 'src/runtime/standby-assignor.ts',
    from: '.filter(([, lag]) => lag <= max)',
    to: '',
    why: 'a task goes to a copy when that is near its end, and stays where it is until then',
    unseen: 'what a copy lacks is restored: that takes longer, and is as right',
    test: 'test/runtime/standby-assignor.test.ts',
  },
  {
    name: 'warm-ups-say-it-when-they-have',
    file: 'src/runtime/standby-tasks.ts',
    from: 'lag <= acceptableRecoveryLag',
    to: 'lag >= 0',
    why: 'the group is not bothered before a task can go where it belongs',
    unseen: 'its leader leaves the task where it is',
    test: 'test/runtime/standby-tasks.test.ts',
  },
  {
    name: 'tasks-come-before-copies',
    file: 'src/runtime/standby-tasks.ts',
    from: 'isStateful(layout) && !isActive',
    to: '!layout',
    why: 'what somebody waits for is restored before copies of other things',
    unseen: 'that takes longer, and is as right',
    test: 'test/runtime/standby-tasks.test.ts',
  },
  {
    name: 'timeouts-fence',
    file: 'src/broker/transaction/transactions.ts',
    from: 'const fencing = { ...transaction, producerEpoch: transaction.producerEpoch + 1 }',
    to: 'const fencing = transaction',
    why: 'whoever sleeps for longer than a transaction may be open does not go on with half of it',
    unseen: 'a transaction may be open for a minute: hardly anybody sleeps for longer in the middle of one',
    test: 'test/broker/transaction/transactions.test.ts',
  },
]
