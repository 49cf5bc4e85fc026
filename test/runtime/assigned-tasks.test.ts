import { lastValueFrom, Subject } from 'rxjs'
import { expect, test, vi } from 'vitest'
import type { ActiveTask, AssignedTask } from '../../src/runtime/assigned-task.ts'
import { AssignedTasks } from '../../src/runtime/assigned-tasks.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import { InputQueue } from '../../src/runtime/input-queue.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const left = topic('left', { key: serdes.string, value: serdes.long, partitions: 2 })
const right = topic('right', { key: serdes.string, value: serdes.long, partitions: 2 })

const app = topology('merging', ({ stream }) => {
  stream(left)
    .merge(stream(right))
    .to(topic('out', { key: serdes.string, value: serdes.long }))
})

const both = (partition: number) => ['left', 'right'].map((name) => ({ topic: name, partition }))

/** Closes when the test says so, and how. */
class FakeTask implements ActiveTask {
  readonly id: string
  readonly task: ActiveTask['task']
  readonly queues: readonly InputQueue[]
  readonly calls: string[] = []
  readonly closed = new Subject<void>()

  constructor(assigned: AssignedTask, task: ActiveTask['task']) {
    this.id = assigned.id
    this.task = task
    this.queues = assigned.inputs.map((input) => new InputQueue(input, assigned.partition, 0))
  }

  run(): void {}

  advanceWallClock(): void {}

  committedOffset(): number {
    return 0
  }

  close(): Promise<void> {
    this.calls.push('close')
    return lastValueFrom(this.closed, { defaultValue: undefined })
  }

  async abandon(): Promise<void> {
    this.calls.push('abandon')
  }
}

async function assignedTasks() {
  const context = await instanceContext(app)
  const made: FakeTask[] = []
  const sought: string[] = []
  const tasks = new AssignedTasks({
    context,
    consumer: {
      pause: () => {},
      resume: () => {},
      seek: (name, partition) => sought.push(`${name}/${partition}`),
    },
    create: async (assigned) => {
      const { subTopology } = assigned.layout
      const task = new FakeTask(assigned, createTask(subTopology, context.settings, new Map()))
      made.push(task)
      return task
    },
  })
  const of = (id: string) => made.findLast((task) => task.id === id) as FakeTask
  return { context, tasks, made, sought, of }
}

test('a task starts when all of its partitions are here, and not before', async () => {
  const { tasks, made, sought } = await assignedTasks()
  await tasks.assign([...both(0).slice(0, 1), ...both(1).slice(1)])
  expect(made).toEqual([])
  await tasks.assign(both(0).slice(1))
  expect(made.map(({ id }) => id)).toEqual(['left_0'])
  expect(sought).toEqual(['left/0', 'right/0'])
})

test('partitions are released when each of their tasks has ended, also where another one could not', async () => {
  const { context, tasks, of } = await assignedTasks()
  await tasks.assign([...both(0), ...both(1)])
  let isReleased = false
  const released = tasks.release([...both(0), ...both(1)], 'close').then(() => {
    isReleased = true
  })
  await vi.waitFor(() => expect(of('left_1').calls).toEqual(['close']))
  of('left_0').closed.error(new Error('it can not commit'))
  await vi.waitFor(() => expect(context.failures).toEqual([new Error('it can not commit')]))
  expect(isReleased).toBe(false)
  of('left_1').closed.complete()
  await released
  expect(tasks.all).toEqual([])
  expect(context.events.map((event) => event.type)).toEqual(['task-stopped', 'task-stopped'])
})

test('a task whose partitions go one after the other is closed once', async () => {
  const { tasks, of } = await assignedTasks()
  await tasks.assign(both(0))
  const released = both(0).map((partition) => tasks.release([partition], 'close'))
  await vi.waitFor(() => expect(of('left_0').calls).toEqual(['close']))
  of('left_0').closed.complete()
  await Promise.all(released)
  expect(of('left_0').calls).toEqual(['close'])
  expect(tasks.all).toEqual([])
})

test('a task that closes too slowly is abandoned when its partitions are lost, and what its close fails with is no fault', async () => {
  const { context, tasks, of } = await assignedTasks()
  await tasks.assign(both(0))
  const released = tasks.release(both(0), 'close')
  await vi.waitFor(() => expect(of('left_0').calls).toEqual(['close']))
  await tasks.release(both(0), 'abandon')
  expect(of('left_0').calls).toEqual(['close', 'abandon'])
  of('left_0').closed.error(new Error('its transaction is gone'))
  await released
  expect(context.failures).toEqual([])
})

test('partitions that come back while their task ends wait for its end: then it starts anew', async () => {
  const { tasks, made, of } = await assignedTasks()
  await tasks.assign(both(0))
  const released = tasks.release(both(0), 'close')
  await tasks.assign(both(0))
  expect(made).toHaveLength(1)
  of('left_0').closed.complete()
  await released
  await vi.waitFor(() => expect(tasks.all.map(({ isActive }) => isActive)).toEqual([true]))
  expect(made).toHaveLength(2)
})

test('what can not be made is told, and a task that is taken away meanwhile is not', async () => {
  const context = await instanceContext(app)
  const making: Subject<ActiveTask>[] = []
  const tasks = new AssignedTasks({
    context,
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    create: () => {
      const made = new Subject<ActiveTask>()
      making.push(made)
      return lastValueFrom(made)
    },
  })
  const assigned = tasks.assign([...both(0), ...both(1)])
  making[0]?.error(new Error('no such sink'))
  const released = tasks.release(both(1), 'close')
  making[1]?.error(new Error('given up'))
  await Promise.all([assigned, released])
  expect(context.failures).toEqual([new Error('no such sink')])
})
