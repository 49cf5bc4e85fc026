import { unlessAborted } from '../aborted.ts'
import type { CommittedOffset, KafkaConsumer } from '../kafka/types.ts'
import type { StateStore } from '../state/store.ts'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { ActiveTask, AssignedTask } from './assigned-task.ts'
import { committedChangelogs, restoreStreamTimes } from './commit-metadata.ts'
import { commitBeginnings, committedOf, resumeForgotten, takeOver } from './committed-offsets.ts'
import { createTask } from './create-task.ts'
import { type DeadLetters, deadLetterOf } from './dead-letter.ts'
import type { Failure } from './failed-record.ts'
import { type BadRecord, InputQueue } from './input-queue.ts'
import type { InstanceContext } from './instance-context.ts'
import type { InputLayout } from './layout.ts'
import { failedLetterOf, refusedLetterOf } from './refused-letter.ts'
import { positionIn } from './remembered-offsets.ts'
import type { ShownOffsets } from './shown-offsets.ts'
import { SinkTask } from './sink-task.ts'
import type { SinkWriters } from './sink-writers.ts'
import type { StandbyTasks } from './standby-tasks.ts'
import { StreamTask } from './stream-task.ts'
import type { Task } from './task.ts'
import { atLeastOnce, exactlyOnce, type TaskProducer, transactionalIdOf } from './task-producer.ts'
import { createTaskStores, type TaskStores } from './task-stores.ts'

export interface TaskCreatorOptions {
  readonly context: InstanceContext
  readonly consumer: Pick<KafkaConsumer, 'commit'>
  readonly sinks: SinkWriters
  readonly globalStores: ReadonlyMap<string, StateStore>
  readonly deadLetters: DeadLetters
  readonly shownOffsets: ShownOffsets
  readonly standbys: Pick<StandbyTasks, 'take'>
}

/** Makes tasks that go on where the last owner of their partitions has left them. Source: Kafka Streams' `ActiveTaskCreator`. */
export class TaskCreator {
  readonly #options: TaskCreatorOptions

  constructor(options: TaskCreatorOptions) {
    this.#options = options
  }

  /** Resolves with a task that is ready for records. Rejects, and leaves nothing behind, when it is to end before. */
  create(assigned: AssignedTask): Promise<ActiveTask> {
    const { subTopology } = assigned.layout
    return subTopology.kind === 'sink'
      ? this.#createSinkTask(assigned, subTopology.sink)
      : this.#createStreamTask(assigned)
  }

  async #createStreamTask(assigned: AssignedTask): Promise<StreamTask> {
    const { id } = assigned
    const producer = await this.#producerFor(id)
    try {
      // Only now is it certain that nobody else commits for this task any more.
      const committed = await this.#committed(assigned, producer)
      const stores = await this.#storesOf(assigned)
      return await this.#begin(assigned, producer, committed, stores)
    } catch (error) {
      await producer.close().catch(() => undefined) // the first error tells
      throw error
    }
  }

  /** A copy that was kept up to date here, if what it lacks is all in the changelogs; else there is everything to restore. */
  async #storesOf(assigned: AssignedTask): Promise<TaskStores> {
    const { context, globalStores, standbys } = this.#options
    const { id, layout, partition } = assigned
    const copy = await standbys.take(id)
    if (copy) {
      if (await this.#isPrepared(assigned, copy)) return copy
      await copy.state.close()
    }
    const stores = createTaskStores({ context, globalStores, layout, partition })
    await this.#isPrepared(assigned, stores)
    return stores
  }

  async #isPrepared({ ending }: AssignedTask, { storeSerdes, state }: TaskStores): Promise<boolean> {
    try {
      await storeSerdes.prepareWrite({ context: this.#options.context, signal: ending })
      return await state.leadsOn()
    } catch (error) {
      await state.close()
      throw error
    }
  }

  async #begin(
    assigned: AssignedTask,
    producer: TaskProducer,
    committed: readonly CommittedOffset[],
    { task, state }: TaskStores,
  ): Promise<StreamTask> {
    const { context, deadLetters } = this.#options
    const { id, ending } = assigned
    try {
      const metadata = committed.map((each) => each.metadata)
      restoreStreamTimes(task.streamTimes, metadata)
      const queues = await this.#queuesOf(assigned, task, 'the group', async ({ topic }) => {
        return committed.find((each) => each.topic === topic)?.offset
      })
      assigned.restores(state)
      const restored = await state.restore(ending, committedChangelogs(metadata))
      // One input may be new; and with at-least-once, a crash may have come between the state and the offsets.
      const isForgotten = committed.every(({ offset }) => offset === undefined)
      // A copy may have had all of it already.
      const holdsState = state.isFound || restored.fromCheckpoint + restored.fromTopic > 0
      if (isForgotten && holdsState && context.settings.processing === 'exactly-once')
        await resumeForgotten(assigned, producer, context)
      else await commitBeginnings(id, queues, committed, producer)
      context.emit({ type: 'task-started', task: id, ...restored })
      return new StreamTask({
        id,
        task,
        queues,
        state,
        producer,
        context,
        deadLetters,
        worked: () => assigned.regulate(),
      })
    } catch (error) {
      await state.close()
      throw error
    }
  }

  async #createSinkTask(assigned: AssignedTask, node: ExternalSinkNode): Promise<SinkTask> {
    const { context, globalStores, sinks } = this.#options
    const { settings, failed } = context
    const { id, partition, layout, ending } = assigned
    const writer = await unlessAborted(sinks.of(node), ending)
    const task = createTask(layout.subTopology, settings, globalStores)
    const queues = await this.#queuesOf(assigned, task, node.sink.name, ({ topic }) =>
      unlessAborted(writer.resumeOffset(topic, partition), ending),
    )
    return new SinkTask({
      id,
      task,
      node,
      writer,
      queues,
      settings,
      standing: sinks.standingOf(node),
      emit: context.emit,
      ...this.#effectsOf(queues, node),
      seek: (queue) => assigned.rewind(queue),
      worked: () => assigned.regulate(),
      failed,
    })
  }

  /** What a sink's task does in Kafka; where a stream's task reads the same topic, that one does it. */
  #effectsOf(queues: readonly InputQueue[], { name: step }: ExternalSinkNode) {
    const { context, deadLetters, shownOffsets } = this.#options
    const own = new Set(queues.filter(({ input }) => !this.#isStreamed(input)))
    return {
      bad: (queue: InputQueue, record: BadRecord) => {
        const letter = deadLetterOf(queue, record, context.settings.onDecodeError)
        return own.has(queue) ? deadLetters.send(letter) : Promise.resolve()
      },
      // Nobody else knows of it: a stream's task has no rows.
      refused: async (queue: InputQueue, offset: number, error: unknown) => {
        if (context.settings.onDecodeError === 'fail' || queue.input.internal) throw error
        const { input, partition } = queue
        const place = { topic: input.topic, partition, offset, step }
        await deadLetters.send(await refusedLetterOf(context, place, error))
      },
      // A step that a stream's task has, too, fails there.
      failedRecord: async (failure: Failure) => {
        if (!this.#isStreamStep(failure.record.step))
          await deadLetters.send(await failedLetterOf(context, failure))
      },
      written: (queue: InputQueue, offset: number) => {
        if (own.has(queue))
          shownOffsets.show({ topic: queue.input.topic, partition: queue.partition, offset })
      },
    }
  }

  /** Whether a stream's task reads the topic. */
  #isStreamed({ topic }: InputLayout): boolean {
    return this.#options.context.layout.subTopologies.some(
      ({ subTopology, inputs }) =>
        subTopology.kind === 'stream' && inputs.some((input) => input.topic === topic),
    )
  }

  #isStreamStep(step: string): boolean {
    return this.#options.context.layout.subTopologies.some(
      ({ subTopology }) =>
        subTopology.kind === 'stream' && subTopology.nodes.some(({ name }) => name === step),
    )
  }

  async #producerFor(task: string): Promise<TaskProducer> {
    const { context, consumer } = this.#options
    const { layout, settings, compression, producer, over } = context
    if (settings.processing === 'at-least-once') return atLeastOnce(producer, consumer)
    return exactlyOnce(settings.kafka, {
      transactionalId: transactionalIdOf(layout, task),
      groupId: layout.application,
      compression,
      transactionTimeoutMs: settings.transactionTimeoutMs,
      signal: over,
    })
  }

  /** As nobody else changes it any more. */
  #committed(assigned: AssignedTask, producer: TaskProducer): Promise<readonly CommittedOffset[]> {
    const { context } = this.#options
    if (context.settings.processing === 'at-least-once') return committedOf(assigned, context)
    return takeOver(assigned, producer, context)
  }

  #queuesOf(
    { inputs, partition }: AssignedTask,
    task: Task,
    by: string,
    offsetOf: (input: InputLayout) => Promise<number | undefined>,
  ): Promise<InputQueue[]> {
    const queueOf = async (input: InputLayout) => {
      const remembered = { offset: await offsetOf(input), by }
      const position = await positionIn(this.#options.context, input, partition, remembered)
      const counts = task.subTopology.kind === 'stream' || !this.#isStreamed(input)
      return new InputQueue(input, partition, position, (reason, failure) => {
        if (counts) task.leaveOut(reason, failure)
      })
    }
    return Promise.all(inputs.map(queueOf))
  }
}
