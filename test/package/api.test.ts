import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('all that is exported says what it is, names only what is exported, and links to what is there', {
  timeout: 180_000,
}, async () => {
  const said = promisify(execFile)('npm', ['run', '--silent', 'docs', '--', '--emit', 'none'])
  expect(await said.catch(({ stdout, stderr }) => stdout + stderr)).toHaveProperty('stderr', '')
})
