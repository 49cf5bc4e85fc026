import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcess } from '../support/process.ts'

let folder = ''
beforeAll(() => {
  // In the project, where `rivulet` is found as a user finds it who has installed it.
  folder = mkdtempSync('.doc-examples-words-')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the example of the README counts its first words, and drains on Ctrl-C', {
  timeout: 60_000,
}, async () => {
  const [, block = ''] = /```ts\n(\/\/ words\.ts\n[\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? []
  expect(block.split('\n').filter((line) => line !== '' && !line.startsWith('//'))).toHaveLength(20)
  const file = join(folder, 'words.ts')
  writeFileSync(file, block)
  const words = startProcess(file, ['--port', '0'], { DATA_DIR: join(folder, 'data') })
  await words.wrote('stdout', /^the 1\nriver 1\nruns 1\non 1\n/m)
  words.signal('SIGINT')
  expect(await words.ended).toBe(0)
  expect(words.output.stderr).toContain('everything that was read is written')
})
