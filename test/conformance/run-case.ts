import { RivuletError } from '../../src/errors.ts'
import type { PlainRecord } from '../../src/records/chunk.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import type { Case, Step } from './case.ts'
import { contentsOf } from './store-contents.ts'
import { topologyOf } from './topology-of.ts'

type Output = Case['output'][number]

/**
 * Runs a case in the test driver: what came out after each step, in order for each topic, then stores, dropped records
 * and the shape of the topology. Answers the first difference; undefined where all is as Kafka Streams has it. Throws
 * when the topology can't be built.
 */
export function runCase(conformanceCase: Case): string | undefined {
  const { config, input, error } = conformanceCase
  const driver = new TestDriver(topologyOf(conformanceCase), { emitIntervalMs: config?.emitIntervalMs ?? 0 })
  for (const [i, step] of input.entries()) {
    const failure = drive(driver, step)
    if (failure !== undefined || error?.atInput === i) {
      const expected = error?.atInput === i ? error.kind : undefined
      if (failure?.kind === expected) return undefined
      return `step ${i}: expected ${expected ?? 'no error'}, got ${failure?.message ?? 'none'}`
    }
    const difference = outputDifference(driver, conformanceCase, i)
    if (difference) return `step ${i} ${show(step)}: ${difference}`
  }
  return stateDifference(driver, conformanceCase) ?? shapeDifference(driver, conformanceCase)
}

interface Failure {
  readonly kind: 'bufferFull' | 'other'
  readonly message: string
}

function drive(driver: TestDriver, step: Step): Failure | undefined {
  try {
    if ('advanceWallClockMs' in step) driver.advanceWallClock(step.advanceWallClockMs)
    else driver.pipe(step.topic, step)
    return undefined
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error
    return { kind: error.code === 'BUFFER_FULL' ? 'bufferFull' : 'other', message: error.message }
  }
}

function outputDifference(
  driver: TestDriver,
  { output, unordered }: Case,
  afterInput: number,
): string | undefined {
  const expected = byTopic(output.filter((record) => record.afterInput === afterInput))
  const actual = byTopic(driver.readAll())
  for (const topic of new Set([...expected.keys(), ...actual.keys()])) {
    const order = unordered ? (lines: string[]) => lines.toSorted() : (lines: string[]) => lines
    const difference = firstDifference(order(expected.get(topic) ?? []), order(actual.get(topic) ?? []))
    if (difference) return `topic ${topic}: ${difference}`
  }
  return undefined
}

function byTopic(
  records: readonly (Pick<Output, 'topic'> & PlainRecord<unknown, unknown>)[],
): Map<string, string[]> {
  const lines = new Map<string, string[]>()
  for (const { topic, key, value, timestampMs } of records) {
    lines.set(topic, [...(lines.get(topic) ?? []), show({ key, value, timestampMs })])
  }
  return lines
}

function stateDifference(driver: TestDriver, { stores = {}, dropped }: Case): string | undefined {
  for (const [name, entries] of Object.entries(stores)) {
    const store = driver.store(name)
    if (!store) return `there is no store "${name}"`
    const expected = entries.map(show).toSorted()
    const difference = firstDifference(expected, contentsOf(store).map(show).toSorted())
    if (difference) return `store ${name}: ${difference}`
  }
  if (dropped === undefined || driver.dropped === dropped) return undefined
  return `dropped: expected ${dropped}, got ${driver.dropped}`
}

function shapeDifference(driver: TestDriver, { subtopologies, repartitions }: Case): string | undefined {
  const nodes = driver.subTopologies.flatMap((subTopology) => subTopology.nodes)
  // A foreign-key join goes through topics of its own, which the cases do not count.
  const topics = nodes.flatMap((node) =>
    node.kind === 'repartition' && 'topicName' in node ? [node.topicName] : [],
  )
  const difference = firstDifference(repartitions.toSorted(), [...new Set(topics)].toSorted())
  if (difference) return `repartitions: ${difference}`
  const count = driver.subTopologies.filter(({ kind }) => kind !== 'global').length
  return count === subtopologies ? undefined : `subtopologies: expected ${subtopologies}, got ${count}`
}

function firstDifference(expected: readonly string[], actual: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    if (expected[i] === actual[i]) continue
    return `#${i} expected ${expected[i] ?? 'nothing'}, got ${actual[i] ?? 'nothing'}`
  }
  return undefined
}

/** JSON with its fields in one order, whatever order they were written in. */
function show(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
