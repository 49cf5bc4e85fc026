import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { cached, type Unavailable } from '../support/cached.ts'
import { startProcess } from '../support/process.ts'
import { run } from '../support/run-command.ts'
import { fetchJavaTools, jvmFlags } from './clients/foreign-client.ts'

const readme = readFileSync('README.md', 'utf8')
const section = between(readme, '## Use your tools', '\n## ')
const commands = [...section.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
)
const slow = { timeout: 120_000 }
const limit = { timeout: 60_000 }

const javaTools: Readonly<Record<string, string>> = {
  'kafka-topics.sh': 'TopicCommand',
  'kafka-console-producer.sh': 'ConsoleProducer',
  'kafka-console-consumer.sh': 'consumer.ConsoleConsumer',
  'kafka-get-offsets.sh': 'GetOffsetShell',
  'kafka-configs.sh': 'ConfigCommand',
  'kafka-consumer-groups.sh': 'consumer.group.ConsumerGroupCommand',
}

/** What each of them says, in their order. */
const said = [
  /^lines⏎.*word-counts⏎words-by-word-repartition/,
  /^Created topic notes\.$/,
  /PartitionCount: 3 .*Leader: 1 /,
  /^(Warning: .*)?$/,
  /ann good morning$/,
  /notes:\d:1/,
  /compression.type=producer/,
  /words .*lines .* 0 +\d+/,
  /readers .*notes /,
  /^$/,
]

const folder = mkdtempSync(join(tmpdir(), 'rivulet-tools-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The program of the README; answers where its broker is, when it has written two lines. */
async function startWords(): Promise<string> {
  const words = join('test', 'contract', `.words-${process.pid}.ts`)
  writeFileSync(words, between(readme, '```ts\n// words.ts\n', '```'))
  onTestFinished(() => rmSync(words))
  const env = { DATA_DIR: mkdtempSync(join(folder, 'data-')), KAFKA_LISTEN: '0' }
  const program = startProcess(words, ['--port', '0'], env)
  const [, port] = await program.wrote('stderr', /"brokers":\["127\.0\.0\.1:(\d+)"\]/)
  await program.wrote('stdout', /^water /m)
  return `localhost:${port}`
}

test('the section begins with the program that is run here', () => {
  expect(commands[0]).toBe('KAFKA_LISTEN=9092 node --import tsx words.ts')
})

test('Kafka’s command-line tools do each line that is for them', slow, async (context) => {
  const lines = commands.filter((line) => line.includes('.sh '))
  expect(lines).toHaveLength(said.length)
  const { jarsDir } = skipUnavailable(context, await fetchJavaTools())
  const address = await startWords()
  const file = join(folder, 'lines')
  writeFileSync(
    file,
    `${lines.map((line) => forTools(line.replaceAll('localhost:9092', address))).join('\n')}\n`,
  )
  const tools = join(import.meta.dirname, 'clients', 'Tools.java')
  const { stdout } = await run('java', [...jvmFlags, '-cp', `${jarsDir}/*`, tools, file], limit)
  const outcomes = stdout.split('\n').filter((line) => /^\d+\t/.test(line))
  lines.forEach((line, i) => {
    const [code, output = ''] = outcomes[i]?.split('\t') ?? []
    expect([line, code]).toEqual([line, '0'])
    expect(output, line).toMatch(said[i] as RegExp)
  })
})

test('kcat does each line that is for it', slow, async (context) => {
  const lines = commands.filter((line) => line.includes('kcat '))
  const { dir } = skipUnavailable(context, await kcat())
  const address = await startWords()
  const shell = `export PATH=${dir}/usr/bin:$PATH LD_LIBRARY_PATH=$(dirname ${dir}/usr/lib/*/libyajl.so.2)`
  const outputs: string[] = []
  for (const line of lines) {
    const { stdout } = await run('sh', ['-c', `${shell}; ${line.replaceAll('localhost:9092', address)}`])
    outputs.push(stdout)
  }
  expect(outputs[0]).toContain('topic "lines" with 1 partitions')
  expect(outputs[1]).toBe('')
  expect(outputs[2]).toBe('poem: the river runs on\npoem: the water runs\n')
})

test('a stock Java producer and consumer work', slow, async (context) => {
  const { jarsDir } = skipUnavailable(context, await fetchJavaTools())
  const address = await startWords()
  const file = join(folder, 'Hello.java')
  writeFileSync(file, between(section, '```java\n', '```').replaceAll('localhost:9092', address))
  const { stdout } = await run('java', [...jvmFlags, '-cp', `${jarsDir}/*`, file], limit)
  expect(stdout).toMatch(/^river \d+$/m)
  expect(stdout).toMatch(/^Java 1$/m)
})

function skipUnavailable<T extends object>(context: { skip(why: string): never }, found: T | Unavailable): T {
  return 'unavailable' in found ? context.skip(found.unavailable) : found
}

/** As the distribution has it, without installing it. */
function kcat() {
  return cached({ name: 'rivulet-clients/kcat', needs: ['apt-get', 'dpkg'] }, async (dir) => {
    const packages = ['kcat', 'librdkafka1', 'libyajl2']
    await run('apt-get', ['download', ...packages], { cwd: dir, timeout: 60_000 })
    await run('sh', ['-c', 'for each in *.deb; do dpkg -x "$each" .; done'], { cwd: dir })
  })
}

/** Class, input and arguments, parted by tabs. */
function forTools(line: string): string {
  const [, input = '', command = ''] = /^(?:echo '(.*)' \| )?(.*)$/.exec(line) ?? []
  const [script = '', ...args] = command.split(' ')
  return [`org.apache.kafka.tools.${javaTools[script]}`, input, ...args].join('\t')
}

function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start) + start.length
  return text.slice(from, text.indexOf(end, from))
}
