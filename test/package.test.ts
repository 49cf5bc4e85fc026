import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)

describe('the package', () => {
  test('has its three entry points, with types, in plain Node', async ({ skip }) => {
    if (!existsSync('dist/index.js')) return skip('it is not built: npm run build')
    for (const [entry, name] of [
      ['rivulet', 'topology'],
      ['rivulet/testing', 'TestDriver'],
      ['rivulet/broker', 'startBroker'],
    ]) {
      const script = `import('${entry}').then((entry) => process.stdout.write(typeof entry.${name}))`
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
      expect(stdout, entry).toBe('function')
    }
    for (const types of ['dist/index.d.ts', 'dist/testing/index.d.ts', 'dist/broker/index.d.ts']) {
      expect(existsSync(types), types).toBe(true)
    }
  })

  test('is locked with the packages of every platform, so that npm ci works on each', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>
    }
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages),
      ),
    )
    expect(missing).toEqual([])
    expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
  })

  test('is published with its pages and its licence, and without tests', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'])
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
    const paths = files.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'public/market.html']))
    expect(paths.filter((path) => /^(test|src|scripts|node_modules|data)\//.test(path))).toEqual([])
  })
})
