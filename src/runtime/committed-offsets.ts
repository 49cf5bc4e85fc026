import type { CommittedOffset } from '../kafka/types.ts'
import { type AssignedTask, taskId } from './assigned-task.ts'
import { committerOf } from './commit-metadata.ts'
import type { InstanceContext } from './instance-context.ts'
import { fence } from './task-producer.ts'

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
 * inputs: in another version of the topology, some of them may be inputs of tasks with other names.
 */
export async function committedForGood(
  assigned: Assigned,
  context: Context,
): Promise<readonly CommittedOffset[]> {
  const { settings, layout, over } = context
  const fenced = new Set([assigned.id])
  const fenceAll = async (tasks: readonly string[]) => {
    const others = tasks.filter((task) => !fenced.has(task))
    for (const task of others) {
      fenced.add(task)
      await fence(settings.kafka, { task, application: layout.application, signal: over })
    }
    return others.length > 0
  }
  await fenceAll(assigned.inputs.map((input) => taskId([input], assigned.partition)))
  for (;;) {
    const committed = await committedOf(assigned, context)
    if (!(await fenceAll(committed.flatMap(({ metadata }) => committerOf(metadata) ?? [])))) return committed
  }
}
