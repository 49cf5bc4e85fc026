import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makePackFolder, packInto } from '../support/tarball.ts'

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
}

/** `./dist/index.d.ts`, `dist/index.js` and `dist/index.ts`, as a declaration may write it, are one module. */
function moduleOf(file: string): string {
  return normalize(file).replace(/(\.d)?\.[jt]s$/, '')
}

describe('the tarball', () => {
  let folder = ''
  let tarball = ''
  let files: readonly string[] = []
  const read = (file: string) => readFileSync(join(folder, 'package', file), 'utf8')

  beforeAll(async () => {
    folder = makePackFolder()
    tarball = await packInto(folder)
    await promisify(execFile)('tar', ['-xzf', tarball, '-C', folder])
    files = readdirSync(join(folder, 'package'), { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, 'package/').length))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The modules that `exports` and `bin` name, and all that they import; a module is a program and its types. */
  function reachable(): ReadonlySet<string> {
    const { exports, bin = {} } = JSON.parse(read('package.json')) as Manifest
    const found = new Set<string>()
    const visit = (module: string) => {
      if (found.has(module)) return
      found.add(module)
      for (const file of [`${module}.js`, `${module}.d.ts`].filter((each) => files.includes(each))) {
        for (const [, path = ''] of read(file).matchAll(/(?:\bfrom|\bimport\(?) ?['"](\.[^'"]+)['"]/g))
          visit(moduleOf(join(dirname(file), path)))
      }
    }
    // With what a process of its own begins.
    visit('dist/runtime/instances/child')
    for (const entry of [...Object.values(exports), bin])
      for (const file of typeof entry === 'string' ? [entry] : Object.values(entry)) visit(moduleOf(file))
    return found
  }

  test('has the program, each file of it behind an entry point, its page, the documentation, and nothing else', () => {
    const reached = reachable()
    const isPage = (file: string) =>
      /^([A-Z]+(\.md)?|docs\/[\w/-]+\.(md|json|yaml)|dist\/public\/(pipeline|shared)\/[\w-]+\.\w+)$/.test(
        file,
      )
    expect(files.filter((file) => !isPage(file) && !reached.has(moduleOf(file)))).toEqual([])
    expect([...reached].filter((module) => !files.some((file) => moduleOf(file) === module))).toEqual([])
    expect(files).toEqual(
      expect.arrayContaining([
        ...['README.md', 'CHANGELOG.md', 'LICENSE'],
        ...['docs/recipes.md', 'docs/kafka-streams.md'],
        ...[
          'dist/public/pipeline/pipeline.html',
          'dist/public/shared/boot.js',
          'dist/public/shared/icon.svg',
        ],
      ]),
    )
  })

  test('has its page without what only readers of its files need', () => {
    const scripts = files.filter((file) => /^dist\/public\/.*\.(js|css)$/.test(file))
    expect(scripts.length).toBeGreaterThan(20)
    for (const file of scripts) {
      const source = readFileSync(file.replace('dist/', ''), 'utf8')
      expect([file, read(file).length < 0.9 * source.length]).toEqual([file, true])
      expect(read(file)).not.toMatch(/^\s*(\/\/|\/\*)/m)
    }
  })

  test('points to no source map, for it has no sources', () => {
    expect(files.filter((file) => file.endsWith('.js') && read(file).includes('sourceMappingURL'))).toEqual(
      [],
    )
  })

  test('declares nothing that is internal', () => {
    expect(files.filter((file) => file.endsWith('.d.ts') && read(file).includes('@internal'))).toEqual([])
  })

  test.each([
    ['publint', 'publint', ['run', '--strict']],
    ['attw, which asks whether the types are wrong', 'attw', ['--profile', 'esm-only']],
  ])('has nothing that is complained of by %s', async (_, command, args) => {
    const said = promisify(execFile)(join('node_modules', '.bin', command), [...args, tarball])
    expect(await said.catch(({ stdout }) => stdout)).toHaveProperty('stdout')
  })
})
