import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chunkOf } from '../../src/records/chunk.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { type Case, readCase, type Step } from './case.ts'
import { caseFiles } from './case-files.ts'
import { topologyOf } from './topology-of.ts'

const folder = '../shared/conformance/cases'

describe('records that come in one chunk make the same as records that come alone', () => {
  if (!existsSync(folder)) {
    test('in the recorded cases', (context) => context.skip(`there is no ${folder}`))
    return
  }
  for (const file of caseFiles(folder)) {
    const conformanceCase = readCase(file)
    if (conformanceCase.error || needsTurns(conformanceCase)) continue
    test(relative(folder, file), () => {
      expect(outputs(conformanceCase, inChunks(conformanceCase.input))).toEqual(
        outputs(
          conformanceCase,
          conformanceCase.input.map((step) => [step]),
        ),
      )
    })
  }
})

/** A foreign-key join asks and answers through topics: what is superseded before the answer comes is left out. */
function needsTurns({ topology }: Case): boolean {
  return topology.some(({ foreignKey }) => foreignKey !== undefined)
}

/** Steps that follow each other on one topic, together. */
function inChunks(input: readonly Step[]): Step[][] {
  const chunks: Step[][] = []
  for (const step of input) {
    const before = chunks.at(-1)?.[0]
    if (before && 'topic' in before && 'topic' in step && before.topic === step.topic) {
      chunks.at(-1)?.push(step)
    } else chunks.push([step])
  }
  return chunks
}

/** All that comes out of each topic, and the number of dropped records. */
function outputs(conformanceCase: Case, chunks: readonly (readonly Step[])[]) {
  const { emitIntervalMs = 0 } = conformanceCase.config ?? {}
  const driver = new TestDriver(topologyOf(conformanceCase), { emitIntervalMs })
  for (const chunk of chunks) {
    const records = chunk.filter((step) => 'topic' in step)
    const [first] = records
    if (first) driver.pipeChunk(first.topic, chunkOf(records))
    for (const step of chunk)
      if ('advanceWallClockMs' in step) driver.advanceWallClock(step.advanceWallClockMs)
  }
  const byTopic: Record<string, unknown[]> = {}
  for (const { topic, key, value, timestampMs } of driver.readAll()) {
    byTopic[topic] = [...(byTopic[topic] ?? []), { key, value, timestampMs }]
  }
  return { byTopic, dropped: driver.dropped }
}
