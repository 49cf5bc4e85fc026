import { RivuletError } from '../errors.ts'
import type { CommittedOffset, PartitionOffset } from '../kafka/types.ts'
import type { StreamTime } from '../operators/operator.ts'
import { type AssignedTask, taskId } from './assigned-task.ts'
import type { ChangelogRanges } from './changelog-range.ts'
import { committedChangelogs, committerOf, encodeMetadata, restoreStreamTimes } from './commit-metadata.ts'
import type { InputQueue } from './input-queue.ts'
import type { InstanceContext } from './instance-context.ts'
import type { InputLayout } from './layout.ts'
import { fence, type TaskProducer, transactionalIdOf } from './task-producer.ts'

type Context = Pick<InstanceContext, 'layout' | 'settings' | 'over'>
type Assigned = Pick<AssignedTask, 'id' | 'inputs' | 'partition' | 'ending'>

/** How far the group has come in each input of a task. */
export async function committedOf(
  { inputs, partition, ending }: Assigned,
  { layout, settings }: Context,
): Promise<readonly CommittedOffset[]> {
  const partitions = inputs.map(({ topic }) => ({ topic, partition }))
  return settings.kafka.admin.settledOffsets(layout.application, partitions, ending)
}

/**
 * The same for a task that has shut out its last owner, once it has shut out everybody else who could commit for its
 * inputs: in another version of the topology, some of them may be inputs of tasks with other names. What those have left
 * is committed again in its own name, so that nobody is shut out twice.
 */
export async function takeOver(
  assigned: Assigned,
  producer: Pick<TaskProducer, 'commit'>,
  context: Context,
): Promise<readonly CommittedOffset[]> {
  const { settings, layout, over } = context
  const { id, inputs, partition } = assigned
  const fenced = new Set([id])
  const fenceAll = async (tasks: readonly string[]) => {
    const others = new Set(tasks.filter((task) => !fenced.has(task)))
    for (const task of others) {
      fenced.add(task)
      const { transactionTimeoutMs } = settings
      const transactionalId = transactionalIdOf(layout, task)
      await fence(settings.kafka, { transactionalId, transactionTimeoutMs, signal: over })
    }
    return others.size > 0
  }
  await fenceAll(inputs.map((input) => taskId([input], partition)))
  for (;;) {
    const committed = await committedOf(assigned, context)
    const committers = committed.flatMap(
      (each) => committerOf(each.metadata) ?? unnamedCommitter(each, inputs),
    )
    if (await fenceAll(committers)) continue
    if (committers.some((committer) => committer !== id)) {
      const times = new Map<string, StreamTime>()
      const metadata = committed.map((each) => each.metadata)
      restoreStreamTimes(times, metadata)
      await producer.commit(commitOf(id, committed, times, committedChangelogs(metadata)))
    }
    return committed
  }
}

/** Of a topic that a pattern has found: where no committer is named, it was read by its name, and its task was named after it. */
function unnamedCommitter(
  { topic, partition, offset }: CommittedOffset,
  inputs: readonly Pick<InputLayout, 'topic' | 'taskName'>[],
): string[] {
  const isFound = inputs.some((input) => input.topic === topic && input.taskName !== topic)
  return isFound && offset !== undefined ? [taskId([{ taskName: topic }], partition)] : []
}

/**
 * A task's state and its offsets are committed together, so where there is the one and not the other, the group has lost
 * its offsets, and what it had read would count twice. Throws `KAFKA_FAILED`, unless there is nothing to read again: then
 * the group gets the offsets back. Throws `KAFKA_FENCED` where it has them by now: the state is that of another owner, who
 * has begun since this one has asked for them.
 */
export async function resumeForgotten(
  assigned: Assigned,
  producer: Pick<TaskProducer, 'commit'>,
  context: Context,
): Promise<void> {
  const { id, inputs, partition } = assigned
  const { settings, layout } = context
  const committed = await committedOf(assigned, context)
  if (committed.some(({ offset }) => offset !== undefined))
    throw new RivuletError('KAFKA_FENCED', `task ${id} is another instance's by now`)
  const places: PartitionOffset[] = []
  for (const { topic } of inputs) {
    const ranges = await settings.kafka.admin.offsets(topic)
    const { lowOffset, endOffset } = ranges.find((each) => each.partition === partition) ?? nothing
    if (lowOffset < endOffset) {
      throw new RivuletError(
        'KAFKA_FAILED',
        `the state of task ${id} is there, but the group "${layout.application}" has no offset for ${topic}/${partition} any more: what it has read would count twice. Kafka forgets the offsets of a group that had no members for offsets.retention.minutes, 7 days by default, and those of a topic that is deleted. Either give the group the offsets that it had (kafka-consumer-groups.sh), or begin anew, with rivulet reset`,
        { place: { topic, partition } },
      )
    }
    places.push({ topic, partition, offset: lowOffset })
  }
  await producer.commit(commitOf(id, places, new Map()))
}

/**
 * Commits where a task begins, in the inputs that it does not begin at their first record: else what comes while the
 * program is away, before the first commit, would be passed over by the next start.
 */
export async function commitBeginnings(
  id: string,
  queues: readonly InputQueue[],
  committed: readonly CommittedOffset[],
  producer: Pick<TaskProducer, 'commit'>,
): Promise<void> {
  const known = new Set(committed.flatMap(({ topic, offset }) => (offset === undefined ? [] : [topic])))
  const begun = queues.filter(({ input: { node, topic } }) => {
    const isReset = node.type === 'topic-source' && node.offsetReset !== undefined
    return isReset && !known.has(topic)
  })
  if (begun.length === 0) return
  const places = begun.map(({ input, partition, position }) => ({
    topic: input.topic,
    partition,
    offset: position,
  }))
  await producer.commit(commitOf(id, places, new Map()))
}

const nothing = { lowOffset: 0, endOffset: 0 }

/**
 * What a task commits: how far it is in its inputs, its stream times, what its changelogs have and, where an input's name does not
 * tell, its own.
 */
export function commitOf(
  id: string,
  places: readonly Omit<CommittedOffset, 'metadata'>[],
  times: ReadonlyMap<string, StreamTime>,
  changelogs: ChangelogRanges = new Map(),
): PartitionOffset[] {
  return places.flatMap(({ topic, partition, offset }) => {
    if (offset === undefined) return []
    const committer = taskId([{ taskName: topic }], partition) === id ? undefined : id
    return [{ topic, partition, offset, metadata: encodeMetadata(times, { committer, changelogs }) }]
  })
}
