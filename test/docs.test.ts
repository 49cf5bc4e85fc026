import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commentExamples, docExamples, namesInTables } from './support/doc-examples.ts'
import { operatorsPrelude, prelude } from './support/example-preludes.ts'

const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]
const examples = pages.flatMap((page) => docExamples(page))
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => `src/${file}`)
const inComments = sources.flatMap((file) =>
  commentExamples(file, file.startsWith('src/operators/') ? operatorsPrelude : prelude),
)

/** Types of the package by the words that the page uses for them. */
const types: Readonly<Record<string, string>> = {
  Declare: 'Rivulet.Declare',
  Stream: 'Rivulet.Stream<string, number>',
  GroupedStream: 'Rivulet.GroupedStream<string, number>',
  TimeWindowedStream: 'Rivulet.TimeWindowedStream<string, number>',
  SessionWindowedStream: 'Rivulet.SessionWindowedStream<string, number>',
  CogroupedStream: 'Rivulet.CogroupedStream<string, number, string>',
  TimeWindowedCogroup: 'Rivulet.TimeWindowedCogroup<string, number, string>',
  SessionWindowedCogroup: 'Rivulet.SessionWindowedCogroup<string, number, string>',
  Table: 'Rivulet.Table<string, number>',
  WindowedTable: 'Rivulet.WindowedTable<string, number, string>',
  GroupedTable: 'Rivulet.GroupedTable<string, number>',
  GlobalTable: 'Rivulet.GlobalTable<string, number>',
  SourceOptions: 'Rivulet.SourceOptions<string, number>',
  StreamOptions: 'Rivulet.StreamOptions<string, number>',
  TableOptions: 'Rivulet.TableOptions<string>',
  StoreOptions: 'Rivulet.StoreOptions<string>',
  WindowedStoreOptions: 'Rivulet.WindowedStoreOptions<string>',
  StreamJoinSerdes: 'Rivulet.StreamJoinSerdes<string, number, number, number>',
  RowJoinOptions: 'Rivulet.RowJoinOptions<string, number, number>',
  RepartitionOptions: 'Rivulet.RepartitionOptions<string, number>',
  PartitionedBy: 'Rivulet.PartitionedBy<string, number>',
  PatternOptions: 'Rivulet.PatternOptions<string, number>',
  ToOptions: 'Rivulet.ToOptions<string, number>',
  AggregateSpec: 'Rivulet.AggregateSpec<string, number, number>',
  TableAggregateSpec: 'Rivulet.TableAggregateSpec<string, number, number>',
  SessionAggregateSpec: 'Rivulet.SessionAggregateSpec<string, number, number>',
  TopicBy: 'Rivulet.TopicBy<string, number>',
  TopicOptions: 'Rivulet.TopicOptions<string, number>',
  BufferBounds: 'Rivulet.BufferBounds',
  WindowedByOptions: 'Rivulet.WindowedByOptions',
  ProcessorContext: 'Rivulet.ProcessorContext<string, number, Record<never, never>>',
  ProcessorSpec: 'Rivulet.ProcessorSpec<string, number, Record<never, never>>',
  ValueProcessorContext: 'Rivulet.ValueProcessorContext<string, number, Record<never, never>>',
  Punctuation: 'Rivulet.Punctuation',
  RecordInfo: 'Rivulet.RecordInfo',
  Environment: 'Rivulet.Environment',
  KafkaOptions: 'Rivulet.KafkaOptions',
  Running: 'Rivulet.Running',
  TableQuery: 'Rivulet.TableQuery<string, number>',
  WindowQuery: 'Rivulet.WindowQuery<string, number>',
  TestDriver: 'Testing.TestDriver',
  Windowed: 'Rivulet.Windowed<string>',
  Serde: 'Rivulet.Serde<string>',
  SerdeContext: 'Rivulet.SerdeContext',
  serdes: 'typeof Rivulet.serdes',
}

describe('the documentation', () => {
  let folder = ''
  beforeAll(() => {
    // Beside `src`, where imports and packages are found as from anywhere else in the project.
    folder = mkdtempSync('.doc-examples-')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const fileOf = (place: string) => join(folder, `${place.replaceAll(/[^a-zA-Z0-9]+/g, '-')}.ts`)

  test('is found: the pages, their examples, those in comments, and the names in the tables', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/kafka-streams.md', 'docs/recipes.md']))
    expect(examples.length).toBeGreaterThan(12)
    expect(examples.filter(({ runs }) => runs).length).toBeGreaterThan(8)
    expect(inComments.length).toBeGreaterThan(100)
    expect(namesInTables('docs/kafka-streams.md').length).toBeGreaterThan(150)
  })

  test('names no command that package.json does not have', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object }
    const named = [...pages, 'DESIGN.md'].flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/`npm run (?:--silent )?([\w:]+)/g)].map(([, name]) => name),
    )
    expect(named.length).toBeGreaterThan(8)
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named))
  })

  test('has code that the compiler accepts, and calls nothing that does not exist', async () => {
    mkdirSync(folder, { recursive: true })
    for (const { place, module } of [...examples, ...inComments]) writeFileSync(fileOf(place), module)
    writeFileSync(join(folder, 'names.ts'), moduleOfNames('docs/kafka-streams.md'))
    const config = {
      extends: '../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      // A folder with a dot is left out of patterns.
      files: readdirSync(folder),
      include: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    expect(await compilerErrors(folder)).toBe('')
  }, 120_000)

  test.each(examples.filter(({ runs }) => runs).map(({ place, module }) => [place, module]))(
    'has an example at %s that does what it says',
    async (place, module) => {
      writeFileSync(fileOf(place), module)
      await import(/* @vite-ignore */ join(process.cwd(), fileOf(place)))
    },
  )
})

/** A type for each name; a line for each line of the page, so that errors lead there. */
function moduleOfNames(page: string): string {
  const lines = [
    "import * as Rivulet from '../src/index.ts'; import * as Testing from '../src/testing/index.ts'",
  ]
  for (const { place, name } of namesInTables(page)) {
    const line = Number(place.split(':')[1]) - 1
    lines[line] = `${lines[line] ?? ''} ${typeOfName(name)};`
  }
  return Array.from(lines, (line) => line ?? '').join('\n')
}

/** `Stream.map` is a member of a type, `Stream` a type or class, `tumbling({ sizeMs })` a function. */
function typeOfName(name: string): string {
  const [, owner = '', member] = /^(\w+)(?:\.([\w$]+))?/.exec(name) ?? []
  const type = types[owner]
  if (type === undefined) return `void Rivulet.${owner}`
  return `null as unknown as ${member === undefined ? type : `(${type})['${member}']`}`
}

async function compilerErrors(project: string): Promise<string> {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc')
  return promisify(execFile)(process.execPath, [tsc, '-p', project, '--pretty', 'false']).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  )
}
