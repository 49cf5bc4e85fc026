import { readFileSync } from 'node:fs'

/** A block of TypeScript in the documentation, as a module that stands where it is written. */
export interface Example {
  /** `docs/recipes.md:12`, the line of its first line. */
  readonly place: string
  /** Has the line numbers of the file, so that the compiler's errors lead there. */
  readonly module: string
}

/** A block in a page. */
export interface DocExample extends Example {
  /** It says what comes out, so it can be run. */
  readonly runs: boolean
}

const hidden = /^<!-- (every example|the next example) begins with\n([\s\S]*?)\n-->$/

/**
 * The blocks marked `ts` of a page. What a reader knows anyway is hidden in comments: `<!-- every example begins with … -->`
 * holds from there on, `<!-- the next example begins with … -->` once. They import `rivulet` as a user's code does.
 */
export function docExamples(page: string): DocExample[] {
  const lines = readFileSync(page, 'utf8').split('\n')
  const examples: DocExample[] = []
  let [everyOne, nextOne] = ['', '']
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string
    if (line.startsWith('<!-- ')) {
      const end = lines.indexOf('-->', i)
      const [, which, code] = hidden.exec(lines.slice(i, end + 1).join('\n')) ?? []
      if (code === undefined) continue
      if (which === 'every example') everyOne = code
      else nextOne = code
      i = end
    } else if (line === '```ts') {
      const end = lines.indexOf('```', i)
      const code = lines.slice(i + 1, end)
      // It stands on fewer lines than the page has before the block, so that the block's keep their numbers.
      const begin = `${everyOne}\n${nextOne}`.split('\n')
      const text = [...begin, ...Array(i + 1 - begin.length).fill(''), ...code, 'export {}', ''].join('\n')
      const runs = code.some((each) => /\bexpect\w*\(/.test(each))
      examples.push({ place: `${page}:${i + 2}`, module: text, runs })
      nextOne = ''
      i = end
    }
  }
  return examples
}

/**
 * The `@example`s in the comments of a source file, with its line numbers. The prelude stands behind: imports and ambient
 * declarations hold for what comes before them, too. Throws for one that is not marked `ts`, as it would not be compiled.
 */
export function commentExamples(file: string, prelude: string): Example[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace(/^ *\* ?/, ''))
  return lines.flatMap((line, i) => {
    if (!line.startsWith('@example')) return []
    if (lines[i + 1] !== '```ts') throw new Error(`${file}:${i + 1} has an example that is not marked as ts`)
    const code = lines.slice(i + 2, lines.indexOf('```', i + 2))
    // In a block its names may be those of the prelude; what is exported can't stand in one.
    const [begin, end] = code[0]?.startsWith('export ') ? ['', ''] : ['{', '}']
    const text = [...Array(i + 1).fill(''), begin, ...code, end, prelude, 'export {}', '']
    return [{ place: `${file}:${i + 3}`, module: text.join('\n') }]
  })
}

/** The names in the second column of a page's tables: what Kafka Streams' words are called here. */
export function namesInTables(page: string): { readonly place: string; readonly name: string }[] {
  return readFileSync(page, 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      const [, , ours] = line.split(/(?<!\\)\|/)
      if (!line.startsWith('|') || ours === undefined) return []
      return [...ours.matchAll(/`([^`]+)`/g)].map(([, name]) => ({
        place: `${page}:${i + 1}`,
        name: name as string,
      }))
    })
}
