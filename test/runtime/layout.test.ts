import { describe, expect, test } from 'vitest'
import type { KafkaAdmin, TopicToEnsure } from '../../src/kafka/types.ts'
import { layOut } from '../../src/runtime/layout.ts'
import { stickyAssignor, topicGroups } from '../../src/runtime/task-assignor.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { tumbling } from '../../src/windows/windows.ts'

/** A cluster that has some topics, and makes what is missing. */
function adminWith(existing: Readonly<Record<string, number>> = {}) {
  const counts = new Map(Object.entries(existing))
  const made: TopicToEnsure[] = []
  const admin: Pick<KafkaAdmin, 'ensureTopics'> = {
    ensureTopics: async (topics) => {
      for (const each of topics) {
        if (counts.has(each.name)) continue
        counts.set(each.name, each.partitions)
        made.push(each)
      }
      return new Map(topics.map(({ name }) => [name, counts.get(name) ?? 0]))
    },
  }
  return { admin: admin as KafkaAdmin, made, counts }
}

const left = topic('left', { key: serdes.string, value: serdes.json<number>(), partitions: 3 })
const right = topic('right', { key: serdes.string, value: serdes.json<number>(), partitions: 2 })
const out = topic('out', { key: serdes.string, value: serdes.nullable(serdes.json<number>()) })

const lay = (declare: (d: Declare) => void, existing?: Record<string, number>, prefix = '') => {
  const cluster = adminWith(existing)
  return { cluster, layout: layOut(topology('app', declare), prefix, cluster.admin) }
}

describe('the layout of a topology', () => {
  test('makes the topics that are missing, each named after the application and its step', async () => {
    const { cluster, layout } = lay(
      ({ stream }) => {
        stream(left)
          .groupBy('by value', (value) => String(value))
          .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }))
          .count('counts')
          .toStream()
          .map((count, { key }) => [key, count])
          .to(out)
      },
      undefined,
      'simulated-',
    )
    const { application, subTopologies } = await layout
    expect(application).toBe('simulated-app')
    expect(cluster.made.map(({ name, partitions }) => [name, partitions])).toEqual([
      ['simulated-left', 3],
      ['simulated-left-dead-letters', 1],
      ['simulated-out', 1],
      ['simulated-app-by-value-repartition', 3],
      ['simulated-app-counts-changelog', 3],
    ])
    expect(cluster.made.at(-1)?.config).toMatchObject({
      'cleanup.policy': 'compact,delete',
      'retention.ms': '-1',
    })
    expect(subTopologies.map(({ tasks }) => tasks)).toEqual([3, 3])
  })

  test('takes the number of partitions that a topic has', async () => {
    const { layout } = lay(({ stream }) => stream(left).to(out), { left: 7 })
    expect((await layout).subTopologies[0]?.tasks).toBe(7)
  })

  test('refuses to bring together topics that are partitioned differently, and says which', async () => {
    const { layout } = lay(({ stream }) => {
      stream(left).merge(stream(right)).groupByKey().count('both').toStream().to(out)
    })
    await expect(layout).rejects.toMatchObject({ code: 'BAD_TOPOLOGY', place: { step: 'both' } })
    await expect(layout).rejects.toThrow('"left" has 3, "right" has 2')
  })

  test('refuses a changelog that has fewer partitions than there are tasks', async () => {
    const { layout } = lay(
      ({ stream }) => {
        stream(left).groupByKey().count('counts').toStream().to(out)
      },
      { 'app-counts-changelog': 2 },
    )
    await expect(layout).rejects.toThrow('the changelog "app-counts-changelog" has 2 partitions')
  })
})

describe('the assignor', () => {
  const members = (...ids: string[]) => ids.map((memberId) => ({ memberId, userData: Buffer.from('[]') }))

  async function assignorOf(held: { topic: string; partition: number }[] = []) {
    const { layout } = lay(({ stream }) => {
      stream(left)
        .merge(stream(topic('other', { ...left, partitions: 3 })))
        .to(topic('sum', left))
    })
    return stickyAssignor('tasks', topicGroups(await layout), () => held)
  }

  const counts = new Map([
    ['left', 3],
    ['other', 3],
  ])

  test('gives all that a task reads to one member, and as many tasks to each', async () => {
    const assignment = (await assignorOf()).assign(members('a', 'b'), counts)
    const partitions = (id: string, name: string) =>
      assignment.get(id)?.flatMap(({ topic: of, partition }) => (of === name ? [partition] : []))
    for (const id of ['a', 'b']) expect(partitions(id, 'left')).toEqual(partitions(id, 'other'))
    expect([...assignment.values()].map((of) => of.length).sort()).toEqual([2, 4])
  })

  test('leaves to a member what it has, up to its share', async () => {
    const held = [0, 1, 2].flatMap((partition) =>
      ['left', 'other'].map((name) => ({ topic: name, partition })),
    )
    const assignor = await assignorOf(held)
    const userData = assignor.userData?.() ?? Buffer.alloc(0)
    const assignment = assignor.assign([...members('a'), { memberId: 'b', userData }], counts)
    expect(assignment.get('b')).toEqual(held.filter(({ partition }) => partition < 2))
    expect(assignment.get('a')).toEqual(held.filter(({ partition }) => partition === 2))
  })
})
