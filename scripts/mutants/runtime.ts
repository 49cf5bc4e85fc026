import type { Mutant } from './mutant.ts'

/** Safeguards of tasks: what is committed together, and where they go on. */
export const runtimeMutants: readonly Mutant[] = [
  {
    name: 'outputs-in-the-transaction',
    file: 'src/runtime/task-producer.ts',
    from: 'send: (topic, partition, records, refused) => producer.send(topic, partition, records, refused),',
    to: `send: ((outside) => (topic, partition, records) =>
      (topic.endsWith('-changelog') ? producer : outside).send(topic, partition, records))(kafka.producer()),`,
    why: 'outputs are there when the offsets of what they come of are, and not before',
  },
  {
    name: 'changelogs-in-the-transaction',
    file: 'src/runtime/task-producer.ts',
    from: 'send: (topic, partition, records, refused) => producer.send(topic, partition, records, refused),',
    to: `send: ((outside) => (topic, partition, records) =>
      (topic.endsWith('-changelog') ? outside : producer).send(topic, partition, records))(kafka.producer()),`,
    why: 'a store comes back as it was when the offsets were committed',
  },
  {
    name: 'offsets-in-the-transaction',
    file: 'src/runtime/task-producer.ts',
    from: 'if (offsets.length > 0) await producer.sendOffsets(options.groupId, offsets)\n      await checked\n      await producer.commit()',
    to: `await checked
      await producer.commit()
      if (offsets.length > 0) await producer.sendOffsets(options.groupId, offsets)
      await producer.commit()`,
    why: 'offsets are committed with what comes of the records before them, not afterwards',
  },
  {
    name: 'one-transactional-id-a-task',
    file: 'src/runtime/task-creator.ts',
    from: 'transactionalId: transactionalIdOf(layout, task),',
    to: 'transactionalId: transactionalIdOf(layout, task) + settings.clock.random(),',
    why: 'the next owner of a task shuts out the one before',
  },
  {
    name: 'restore-before-processing',
    file: 'src/runtime/task-creator.ts',
    from: 'const restored = await state.restore(ending, committedChangelogs(metadata))',
    to: 'const restored = { fromCheckpoint: 0, fromTopic: 0 }',
    why: 'a task begins with the stores that it had when its offsets were committed',
  },
  {
    name: 'stream-times-with-offsets',
    file: 'src/runtime/stream-task.ts',
    from: 'const offsets = commitOf(this.id, places, this.task.streamTimes, state.ranges)',
    to: 'const offsets = commitOf(this.id, places, new Map(), state.ranges)',
    why: 'stream time goes on where it was: what was too late is too late after a restart, and no window closes twice',
  },
  {
    name: 'offsets-of-what-was-processed',
    file: 'src/runtime/stream-task.ts',
    from: 'const places = this.queues.map(({ input, partition, position }) => {',
    to: 'const places = this.queues.map(({ input, partition, queuedOffset: position }) => {',
    why: 'what still waits in a queue is not committed',
  },
  {
    name: 'hold-outputs-during-a-commit',
    file: 'src/runtime/outbox.ts',
    from: 'this.flush()\n    this.#isHeld = true',
    to: 'this.flush()',
    why: 'what is processed while a transaction ends belongs to the next one',
  },
  {
    name: 'rejoin-when-fenced',
    file: 'src/runtime/stream-thread.ts',
    from: "const isFenced = error instanceof RivuletError && error.code === 'KAFKA_FENCED'",
    to: 'const isFenced = false',
    why: 'an instance that was fenced asks the group again what it has',
  },
  {
    name: 'give-up-when-fenced',
    file: 'src/runtime/stream-thread.ts',
    from: `await Promise.all([tasks.abandon(), standbys.close()])
    shownOffsets.drop()
    await consumer.close()`,
    to: 'shownOffsets.drop()',
    why: 'whoever was fenced gives up its tasks before it joins again',
  },
  {
    name: 'purge-behind-what-is-committed',
    file: 'src/runtime/assigned-tasks.ts',
    from: 'deleteRecords(this.#options.context, position, position.committed)',
    to: 'deleteRecords(this.#options.context, position, position.endOffset)',
    why: 'of a repartition topic only what was worked off is deleted',
    deployment: 'regrouping',
  },
  {
    name: 'trim-what-is-forgotten',
    file: 'src/runtime/changelog-trim.ts',
    from: 'return timeMs < this.#newestMs - 2 * this.#retentionMs',
    to: 'return timeMs < this.#newestMs',
    why: 'a changelog keeps what its store may still be asked for',
  },
  {
    name: 'queues-know-what-they-have',
    file: 'src/runtime/input-queue.ts',
    from: 'this.#items.push({ fetched, fromOffset: this.#queuedOffset, at: -1 })',
    to: 'this.#items.push({ fetched, fromOffset: 0, at: -1 })',
    why: 'a partition is fetched from where its last reader needs it: the others pass over what they had',
    deployment: 'sharing',
  },
  {
    name: 'rivals-of-a-sink',
    file: 'src/runtime/sink-task.ts',
    from: 'if (nextOffset === expected) return',
    to: 'if (nextOffset >= 0) return',
    why: 'a sink whose rival was first goes on behind what that has written',
    deployment: 'sharing',
  },
  {
    name: 'other-versions-are-fenced',
    file: 'src/runtime/committed-offsets.ts',
    from: 'await fence(settings.kafka, { transactionalId, transactionTimeoutMs, signal: over })',
    to: '',
    why: 'tasks of another version of the topology commit nothing any more for the same inputs',
    deployment: 'joining',
  },
  {
    name: 'offsets-in-its-own-name',
    file: 'src/runtime/committed-offsets.ts',
    from: 'if (committers.some((committer) => committer !== id)) {',
    to: 'if (committers.length < 0) {',
    why: 'what another version has left is taken over once: tasks do not shut each other out for ever',
    deployment: 'parting',
  },
  {
    name: 'fence-before-reading-offsets',
    file: 'src/runtime/task-creator.ts',
    from: `    const producer = await this.#producerFor(id)
    try {
      // Only now is it certain that nobody else commits for this task any more.
      const committed = await this.#committed(assigned, producer)
`,
    to: `    const committed = await committedOf(assigned, this.#options.context)
    const producer = await this.#producerFor(id)
    try {
`,
    why: 'offsets are read when nobody else can commit any more',
    deployment: 'flowing',
  },
]
