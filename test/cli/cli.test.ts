import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../../src/cli/cli.ts'
import { runProcess } from '../support/process.ts'
import { recordedIo } from '../support/recorded-io.ts'

const slow = { timeout: 60_000 }
const shop = 'test/cli/programs/shop.ts'

/** As a user runs it; the command looks at a file that it must load itself. */
const rivulet = (...args: string[]) => runProcess('src/cli/main.ts', args)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('rivulet, used wrongly, ends with 2 and a sentence:', () => {
  test.each([
    [[], 'Usage: rivulet'],
    [['bogus'], "unknown command 'bogus'"],
    [['describe'], "missing required argument 'file'"],
    [['describe', shop, '--bogus'], "unknown option '--bogus'"],
    [['describe', shop, '--format', 'svg'], 'Allowed choices are text, json, mermaid'],
    [['diff', shop], "missing required argument 'new'"],
    [['topics', 'nowhere.ts'], 'there is no file nowhere.ts'],
    [['diff', 'package.json', shop], 'package.json is no description of a topology'],
    [['diff', 'nowhere.json', shop], "nowhere.json can't be read"],
    [['reset', shop, '--kafka-brokers', 'x'], '--kafka-brokers (KAFKA_BROKERS) is "x"'],
  ])('%j', async (args, sentence) => {
    const { io, said } = recordedIo()
    expect([await runCli(args, io), said.out]).toEqual([2, ''])
    expect(said.err).toContain(sentence)
  })

  test('a file without a topology, and one with several where one is wanted', slow, async () => {
    const none = await rivulet('lint', 'test/cli/programs/no-shop.ts')
    expect([none.code, none.stderr]).toEqual([
      2,
      'test/cli/programs/no-shop.ts exports no topology, and no program\n',
    ])
    const several = await rivulet('describe', shop, '--format', 'json')
    expect([several.code, several.stderr]).toEqual([2, `${shop} exports counts, sums: choose one by name\n`])
    const other = await rivulet('describe', shop, '--name', 'other')
    expect([other.code, other.stderr]).toEqual([2, `${shop} exports no topology "other", but counts, sums\n`])
  })
})

test('rivulet says its version and its help, exit code 0', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  for (const [args, text] of [
    [['--version'], `${version}\n`],
    [['--help'], 'describe [options] <file>'],
    [['reset', '--help'], '--kafka-brokers <list>'],
  ] as const) {
    const { io, said } = recordedIo()
    expect([await runCli(args, io), said.err]).toEqual([0, ''])
    expect(said.out).toContain(text)
  }
})

test('rivulet describe prints every topology of a file, as it is and as a program', slow, async () => {
  const { code, stdout, stderr } = await rivulet('describe', shop)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.match(/^Topology .*$/gm)).toEqual(['Topology counts', 'Topology sums'])
  expect(stdout).toContain('orders → per customer  [count]  store per customer (key-value, string → json)')
})

test(
  'rivulet diff compares what was saved with what is, and ends with 1 where something breaks',
  slow,
  async () => {
    const { stdout } = await rivulet('describe', shop, '--name', 'counts', '--format', 'json')
    const saved = join(folder, 'counts.json')
    writeFileSync(saved, stdout)
    const same = await rivulet('diff', saved, shop, '--name', 'counts')
    expect(same).toEqual({ code: 0, stdout: 'no difference\n', stderr: '' })
    const other = await rivulet('diff', saved, shop, '--name', 'sums')
    expect(other.code).toBe(1)
    expect(other.stdout).toMatch(/^breaks: the topology "counts" is now "sums"\n {2}its consumer group/)
  },
)

test(
  'rivulet lint prints what it finds, and ends with 0 where nothing is sure to go wrong',
  slow,
  async () => {
    const { code, stdout } = await rivulet('lint', shop)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'counts: nothing found\nsums: nothing found\n' })
  },
)

test('rivulet topics lists each topic once', slow, async () => {
  const { code, stdout } = await rivulet('topics', shop)
  expect(code).toBe(0)
  expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '|'))).toEqual([
    'orders|input|2 partitions|retention.ms=-1',
    'orders-dead-letters|dead letters|1 partition|retention.ms=-1',
    'counts-per-customer-changelog|changelog|2 partitions|cleanup.policy=compact retention.ms=-1',
    'sums-sum-changelog|changelog|2 partitions|cleanup.policy=compact retention.ms=-1',
    '',
  ])
})

test('rivulet, as it is built, says what it needs where nothing can read TypeScript', async ({ skip }) => {
  if (!existsSync('dist/cli/main.js')) return skip('it is not built: npm run build')
  const file = join(folder, 'far.ts')
  writeFileSync(file, 'export const far: unknown = { name: "far", nodes: [] }')
  const result = promisify(execFile)(process.execPath, ['dist/cli/main.js', 'describe', file])
  if (Reflect.get(process.features, 'typescript'))
    expect(await result).toMatchObject({ stdout: 'Topology far\n' })
  else {
    await expect(result).rejects.toMatchObject({
      code: 2,
      stderr: `${file} is TypeScript, which this Node can't read: install tsx in your project\n`,
    })
  }
})
