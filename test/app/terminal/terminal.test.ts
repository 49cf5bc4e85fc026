import { expect, test } from 'vitest'
import { linesInto, terminalOf } from '../../../src/app/terminal/terminal.ts'
import { createLogger } from '../../../src/logger.ts'
import { Terminal } from '../../support/terminal.ts'

function found(env: Record<string, string> = {}, { stdout = true, stderr = true } = {}) {
  const streamOf = (isTTY: boolean) => Object.assign(Object.create(process.stderr), { isTTY })
  return terminalOf({ stdout: streamOf(stdout), stderr: streamOf(stderr), env })
}

test('a terminal is one where both streams lead to one', () => {
  expect(found()).toMatchObject({ isStyled: true })
  expect(found({}, { stdout: false })).toBeUndefined()
  expect(found({}, { stderr: false })).toBeUndefined()
})

test('nobody looks in CI, and a dumb terminal can rewrite nothing', () => {
  expect(found({ CI: 'true' })).toBeUndefined()
  expect(found({ TERM: 'dumb' })).toBeUndefined()
})

test('who wants no colours gets none', () => {
  expect(found({ NO_COLOR: '1' })).toMatchObject({ isStyled: false })
})

test('a line of the log is there when the call that logs it returns', () => {
  const terminal = new Terminal({ columns: 200 })
  const logger = createLogger({ level: 'info', readable: true, destination: linesInto(terminal) })
  for (let i = 0; i < 100; i++) logger.info({ i }, 'said')
  expect(terminal.lines).toHaveLength(100)
})
