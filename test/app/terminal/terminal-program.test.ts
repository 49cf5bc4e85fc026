import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startCommand } from '../../support/process.ts'
import { Terminal } from '../../support/terminal.ts'

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'rivulet-terminal-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

function startEnding(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const node = [process.execPath, '--max-old-space-size=80', '--import', 'tsx', 'test/app/programs/ending.ts']
  return startCommand(
    'python3',
    ['test/support/pseudo-terminal.py', ...node, '--port', '0', '--data-dir', dataDir, ...args],
    { TERM: 'xterm', ...env },
  )
}

/** What is left to be seen of what a program has written, and where the cursor stands. */
function seen({ stdout }: { readonly stdout: string }) {
  const terminal = new Terminal({ columns: 10_000 })
  terminal.write(stdout)
  return { lines: terminal.lines, column: terminal.cursor.column }
}

const slow = { timeout: 60_000 }

// Skipped where there is nothing that makes a pseudo terminal.
describe.skipIf(!hasPython)('a program on a terminal', slow, () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'shows below its log how it goes, and on %s leaves nothing but the log',
    async (signal) => {
      const { output, wrote, signal: send, ended } = startEnding()
      await wrote('stdout', /it runs/)
      expect(seen(output).lines.join('\n')).toMatch(/ending · http:.*\nit runs\nin {2}said/s)
      send(signal)
      expect(await ended).toBe(0)
      const { lines, column } = seen(output)
      expect(lines.join('\n')).not.toMatch(/it runs/)
      expect(lines.at(-1)).toMatch(/everything that was read is written/)
      expect(column).toBe(0)
    },
  )

  test.each([
    ['crash', 'nobody has caught it'],
    ['memory', 'heap out of memory'],
  ])('leaves the terminal as it was on a %s', async (by, said) => {
    const { output, ended } = startEnding(['--by', by])
    expect(await ended).not.toBe(0)
    // It was there before, and no mode was set that somebody would have to take back.
    expect(output.stdout).toContain('it runs')
    expect(output.stdout).not.toContain('\x1b[?')
    expect(output.stdout).toContain(said)
    expect(output.stdout.endsWith('\n')).toBe(true)
  })

  test.each([
    ['who does not want it', ['--status-block', 'false'], {}],
    ['CI', [], { CI: 'true' }],
    ['a dumb terminal', [], { TERM: 'dumb' }],
  ])('has no block for %s', async (_, args, env) => {
    const { output, wrote, signal, ended } = startEnding(args, env)
    await wrote('stdout', /Ready: /)
    signal('SIGTERM')
    expect(await ended).toBe(0)
    expect(output.stdout).not.toMatch(/it starts|it runs/)
  })
})
