import type { CommittedOffset, PartitionOffset } from '../kafka/types.ts'
import type { StreamTime } from '../operators/operator.ts'
import { type AssignedTask, taskId } from './assigned-task.ts'
import { committerOf, encodeMetadata, restoreStreamTimes } from './commit-metadata.ts'
import type { InstanceContext } from './instance-context.ts'
import { fence, type TaskProducer } from './task-producer.ts'

type Context = Pick<InstanceContext, 'layout' | 'settings' | 'over'>
type Assigned = Pick<AssignedTask, 'id' | 'inputs' | 'partition'>

/** How far the group has come in each input of a task. */
export async function committedOf(
  { inputs, partition }: Assigned,
  { layout, settings }: Context,
): Promise<readonly CommittedOffset[]> {
  const topics = inputs.map(({ topic }) => topic)
  const committed = await settings.kafka.admin.committedOffsets(layout.application, topics)
  return committed.filter((each) => each.partition === partition)
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
      await fence(settings.kafka, { task, application: layout.application, signal: over })
    }
    return others.size > 0
  }
  await fenceAll(inputs.map((input) => taskId([input], partition)))
  for (;;) {
    const committed = await committedOf(assigned, context)
    const committers = committed.flatMap(({ metadata }) => committerOf(metadata) ?? [])
    if (await fenceAll(committers)) continue
    if (committers.some((committer) => committer !== id)) {
      const times = new Map<string, StreamTime>()
      restoreStreamTimes(
        times,
        committed.map(({ metadata }) => metadata),
      )
      await producer.commit(commitOf(id, committed, times))
    }
    return committed
  }
}

/** What a task commits: how far it is in its inputs, its stream times and, where an input's name does not tell, its own. */
export function commitOf(
  id: string,
  places: readonly Omit<CommittedOffset, 'metadata'>[],
  times: ReadonlyMap<string, StreamTime>,
): PartitionOffset[] {
  return places.flatMap(({ topic, partition, offset }) => {
    if (offset === undefined) return []
    const committer = taskId([{ topic }], partition) === id ? undefined : id
    return [{ topic, partition, offset, metadata: encodeMetadata(times, committer) }]
  })
}
