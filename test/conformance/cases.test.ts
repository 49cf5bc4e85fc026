import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { caseFiles } from './case-files.ts'
import { outcomeOf } from './main.ts'

const folder = '../shared/conformance/cases'

describe('the DSL does what Kafka Streams did', () => {
  if (!existsSync(folder)) {
    test('in the recorded cases', (context) => context.skip(`there is no ${folder}`))
    return
  }
  for (const file of caseFiles(folder)) {
    test(relative(folder, file), (context) => {
      const outcome = outcomeOf(file)
      if (outcome.is === 'skipped') context.skip(outcome.why)
      expect(outcome).toEqual({ is: 'passed' })
    })
  }
})
