import { readFileSync } from 'node:fs'

/** A block of TypeScript in a page of documentation, as a module that stands where it is written. */
export interface DocExample {
  /** `docs/recipes.md:12`, the line of its first line. */
  readonly place: string
  /** Has the line numbers of the page, so that the compiler's errors lead there. */
  readonly module: string
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
