import type { Mutant } from './mutant.ts'

/** Safeguards of sources: who writes, and where one goes on. */
export const sourceMutants: readonly Mutant[] = [
  {
    name: 'one-transactional-id-a-source',
    file: 'src/runtime/source-producer.ts',
    from: 'transactionalId: topic,',
    to: 'transactionalId: topic + settings.clock.random(),',
    why: 'the next owner of a source shuts out the one before',
    deployment: 'placed',
  },
  {
    name: 'position-in-the-transaction',
    file: 'src/runtime/source-producer.ts',
    from: `if (position !== undefined) send(topic, 0, recordOf(position)).catch(() => {}) // then the commit rejects
      await transactions.commit()`,
    to: `await transactions.commit()
      if (position !== undefined) await producer.send(topic, 0, recordOf(position))`,
    why: 'a position is committed with the records before it, not afterwards',
    deployment: 'placed',
  },
  {
    name: 'fence-before-reading-the-position',
    file: 'src/runtime/assigned-source.ts',
    from: `const producer = await sourceProducer(context, node.name)
    try {
      // Only now is it certain that nobody else commits for this source any more.
      const position = node.record.position && (await readPosition(context, node.name))
`,
    to: `const position = node.record.position && (await readPosition(context, node.name))
    const producer = await sourceProducer(context, node.name)
    try {
`,
    why: 'a position is read when nobody else can move it any more',
    deployment: 'placed',
  },
  {
    name: 'tail-behind-what-was-emitted',
    file: 'src/runtime/source-task.ts',
    from: '    await emittedBefore\n',
    to: '',
    why: 'a source that begins again finds at the end of its topic what it had emitted before',
    deployment: 'tailing',
  },
  {
    name: 'acknowledge-behind-the-commit',
    file: 'src/runtime/source-task.ts',
    from: `await this.#options.producer.commit(this.#position)
      if (this.#isOver) return
      this.#outbox.release()
      this.#committed.next(processed)`,
    to: `this.#committed.next(processed)
      await this.#options.producer.commit(this.#position)
      if (this.#isOver) return
      this.#outbox.release()`,
    why: 'the other side is told of nothing that is not in Kafka for good',
    deployment: 'acknowledging',
  },
  {
    name: 'tail-waits-for-what-is-hidden',
    file: 'src/runtime/source-tail.ts',
    from: 'if (!hidden) return ranges',
    to: 'if (ranges) return ranges',
    why: 'what a transaction of somebody else hides of a topic’s end is waited for',
    deployment: 'tailing',
  },
]
