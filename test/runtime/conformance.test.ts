import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import { isChooser, type TopicSinkNode } from '../../src/stream/graph.ts'
import { subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import type { Topic } from '../../src/stream/topic.ts'
import type { Topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { type Case, readCase } from '../conformance/case.ts'
import { caseFiles } from '../conformance/case-files.ts'
import { topologyOf } from '../conformance/topology-of.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'

const folder = '../shared/conformance/cases'
/** So many in each run of the tests; the environment variable CASES=all runs every one. */
const CASES_MAX = 30

type InputRecord = PlainRecord<unknown, unknown> & { readonly topic: string }

interface Comparable {
  readonly name: string
  readonly topology: Topology
  readonly records: readonly InputRecord[]
}

/**
 * A case whose result does not hang on when a record comes: a task on a broker takes the lowest timestamp of what is
 * there, and the test driver takes records as they are piped in.
 */
function comparable(file: string): Comparable[] {
  const conformanceCase = readCase(file)
  const records = recordsOf(conformanceCase)
  if (!records || conformanceCase.error || conformanceCase.config?.emitIntervalMs) return []
  const topology = topologyOf(conformanceCase)
  const subTopologies = subTopologiesOf(topology)
  const waitsForItself = subTopologies.some(
    (sub) =>
      'inputs' in sub && sub.inputs.length > 1 && sub.inputs.some(({ type }) => type === 'repartition'),
  )
  const usesTime = topology.nodes.some(
    (node) =>
      (node.type === 'topic-source' && (node.global || node.timestampMs)) ||
      (node.type === 'topic-sink' && isChooser(node.topic)),
  )
  return waitsForItself || usesTime ? [] : [{ name: relative(folder, file), topology, records }]
}

/** The input, if its topics come in order of time and no two of them at the same time. */
function recordsOf({ input }: Case): InputRecord[] | undefined {
  const records: InputRecord[] = []
  for (const step of input) {
    if ('advanceWallClockMs' in step) return undefined
    const before = records.at(-1)
    if (before && before.topic !== step.topic && step.timestampMs <= before.timestampMs) return undefined
    records.push(step)
  }
  const topics = new Set(records.map(({ topic }) => topic))
  const isOrdered = records.every(
    (record, i) => i === 0 || record.timestampMs >= (records[i - 1]?.timestampMs ?? 0),
  )
  return topics.size === 1 || isOrdered ? records : undefined
}

function inDriver({ topology, records }: Comparable) {
  const driver = new TestDriver(topology)
  for (const record of records) driver.pipe(record.topic, record)
  return Object.fromEntries(sinksOf(topology).map((topic) => [topic.name, byKey(driver.read(topic))]))
}

/** Runs the topology until everything is worked off, once for each part of the records, and reads what came out. */
async function onBroker({ topology, records }: Comparable, rig: KafkaRig, prefix: string, parts: number) {
  const inputs = topology.nodes.flatMap((node) => (node.type === 'topic-source' ? [node.topic] : []))
  const read = subTopologiesOf(topology).flatMap((sub) =>
    'inputs' in sub
      ? sub.inputs.map((node) =>
          node.type === 'repartition'
            ? `${prefix}${topology.name}-${node.topicName}`
            : `${prefix}${node.topic.name}`,
        )
      : [],
  )
  const size = Math.ceil(records.length / parts)
  for (let part = 0; part < parts; part++) {
    const present = records.slice(part * size, (part + 1) * size)
    for (const topic of inputs) {
      const own = present.filter((record) => record.topic === topic.name)
      await rig.produce({ ...topic, name: `${prefix}${topic.name}` }, own)
    }
    const running = rig.run(topology, { topicPrefix: prefix, emitIntervalMs: 0 })
    await running.started
    await rig.workedOff([running], read)
    await running.stop()
  }
  const outputs: Record<string, unknown> = {}
  for (const topic of sinksOf(topology))
    outputs[topic.name] = byKey(await rig.read({ ...topic, name: `${prefix}${topic.name}` }))
  return outputs
}

function sinksOf({ nodes }: Topology): Topic<unknown, unknown>[] {
  const sinks = nodes.filter((node): node is TopicSinkNode => node.type === 'topic-sink')
  return sinks.flatMap(({ topic }) => (isChooser(topic) ? [] : [topic]))
}

const cases = existsSync(folder) ? caseFiles(folder).flatMap(comparable) : []
const every = process.env.CASES === 'all' ? 1 : Math.max(1, Math.floor(cases.length / CASES_MAX))

describe('the conformance topologies on a broker, as in the test driver', () => {
  let rig: KafkaRig
  beforeAll(async () => {
    rig = await KafkaRig.start()
  })
  afterAll(() => rig.close())

  test('are there', (context) => {
    if (!existsSync(folder)) context.skip(`${folder} is not there`)
    expect(cases.length).toBeGreaterThan(CASES_MAX)
  })

  const some = cases.filter((_, i) => i % every === 0).map((each) => [each.name, each] as const)
  const prefixOf = (name: string) => `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.`

  test.each(some)('%s', async (name, each) => {
    expect(await onBroker(each, rig, prefixOf(name), 1)).toEqual(inDriver(each))
  })

  test.each(some)('%s, with a stop and a start in the middle', async (name, each) => {
    expect(await onBroker(each, rig, prefixOf(`again ${name}`), 2)).toEqual(inDriver(each))
  })
})
