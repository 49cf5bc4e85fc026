import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

/** The folders of `src/`, in the order of the data: none imports one that lies behind it. */
const order = [
  'storage',
  'records',
  'compression',
  'serdes',
  'registry',
  'kafka',
  'windows',
  'state',
  'operators',
  'stream',
  'runtime',
  'clickhouse',
  'broker',
  'app',
  'testing',
  'cli',
]

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, { readonly types?: string }>>
  readonly bin: Readonly<Record<string, string>>
}
const entries = [
  ...Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [sourceOf(types)])),
  ...Object.values(bin).map(sourceOf),
  // With what a process of its own begins.
  'src/runtime/instances/child.ts',
]

/** `./dist/app/index.d.ts` is made of `src/app/index.ts`. */
function sourceOf(built: string): string {
  return normalize(built)
    .replace('dist/', 'src/')
    .replace(/(\.d)?\.[jt]s$/, '.ts')
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file))
}

/** What a file imports, as it is written. */
function importsOf(file: string): string[] {
  const code = readFileSync(file, 'utf8')
  return [...code.matchAll(/(?:\bfrom|\bimport\(|^import) ?'([^']+)'/gm)].map(([, path]) => path as string)
}

/** The project's own files among them. */
function filesImportedBy(file: string): string[] {
  return importsOf(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => join(dirname(file), path))
}

const sources = filesOf('src')
const folderOf = (file: string) => (file.split('/').length > 2 ? (file.split('/')[1] as string) : '')

describe('the house', () => {
  test('has a place in the order of the data for each folder of the package', () => {
    expect([...new Set(sources.map(folderOf))].filter((folder) => folder !== '').toSorted()).toEqual(
      order.toSorted(),
    )
  })

  test('has no import that leads to a folder further on the way', () => {
    const back = sources.flatMap((file) =>
      filesImportedBy(file)
        .filter(
          (to) => file !== 'src/index.ts' && order.indexOf(folderOf(to)) > order.indexOf(folderOf(file)),
        )
        .map((to) => `${file} → ${to}`),
    )
    expect(back).toEqual([])
  })

  test('has records that import nothing of it', () => {
    expect(
      sources
        .filter((file) => folderOf(file) === 'records')
        .flatMap((file) => filesImportedBy(file))
        .filter((to) => folderOf(to) !== 'records'),
    ).toEqual([])
  })

  test('has files at its ground that import only each other', () => {
    const ground = sources.filter((file) => folderOf(file) === '' && file !== 'src/index.ts')
    expect(ground.flatMap((file) => filesImportedBy(file)).filter((to) => folderOf(to) !== '')).toEqual([])
  })

  test('has no file that no entry point leads to', () => {
    const reached = new Set<string>()
    const visit = (file: string) => {
      if (reached.has(file)) return
      reached.add(file)
      for (const to of filesImportedBy(file)) visit(to)
    }
    for (const entry of entries) visit(entry)
    expect(sources.filter((file) => !reached.has(file))).toEqual([])
    expect([...reached].filter((file) => !existsSync(file))).toEqual([])
  })

  test('knows no market in the package, nor how one program is told things', () => {
    const words =
      /\b(trades?|coinbase|exchanges?|markets?|tickers?|candles?|DATA_DIR|symbols?|stocks?|products?|prices?|BTC|ETH)\b/i
    const flags = /(?<![\w-])--[a-z]/i
    // `rivulet` itself has flags.
    const isForbidden = (file: string, text: string) =>
      words.test(text) || (folderOf(file) !== 'cli' && flags.test(text))
    const lines = sources.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line, i) => ({ place: `${file}:${i + 1}`, line }))
        .filter(({ line }) =>
          isForbidden(
            file,
            line.replaceAll(/\bSymbol\.\w+|typeof \w+ !?== 'symbol'|'symbol'|\bsymbols: readonly/g, ''),
          ),
        ),
    )
    expect(lines.map(({ place, line }) => `${place} ${line.trim()}`)).toEqual([])
  })

  test('has pipelines that use the package as a stranger does', () => {
    const past = filesOf('pipelines').flatMap((file) =>
      filesImportedBy(file)
        .filter((to) => !to.startsWith('pipelines/'))
        .map((to) => `${file} → ${to}`),
    )
    expect(past).toEqual([])
  })
})
