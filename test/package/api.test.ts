import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('no public signature names a type that is not exported, no link in a comment leads nowhere', {
  timeout: 180_000,
}, async () => {
  const said = promisify(execFile)('npm', ['run', '--silent', 'docs', '--', '--emit', 'none'])
  expect(await said.catch(({ stdout, stderr }) => stdout + stderr)).toHaveProperty('stderr', '')
})
