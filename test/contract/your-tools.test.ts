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
  'kafka-log-dirs.sh': 'LogDirsCommand',
  'kafka-transactions.sh': 'TransactionsCommand',
  'kafka-cluster.sh': 'ClusterTool',
  'kafka-broker-api-versions.sh': 'BrokerApiVersionsCommand',
  'kafka-groups.sh': 'GroupsCommand',
  'kafka-leader-election.sh': 'LeaderElectionCommand',
  'kafka-reassign-partitions.sh': 'reassign.ReassignPartitionsCommand',
  'kafka-acls.sh': 'AclCommand',
  'kafka-delete-records.sh': 'DeleteRecordsCommand',
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
  /^Completed updating config for topic notes\.$/,
  /"partition":"notes-0","size":\d+/,
  /words-by-word\S* +\d+ +\d+ +(Ongoing|Complete\w+|Prepare\w+|Empty)/,
  /words .*lines .* 0 +\d+/,
  /readers .*notes /,
  /^$/,
]

const at = '--bootstrap-server localhost:9092'
const [retention, group, words] = [
  '--entity-type topics --entity-name lines',
  '--group readers --topic lines',
  '--topic words-by-word-repartition --partition 0',
]
/** Further tools, with the code with which each ends and what it says: as of Apache Kafka, if there is not a word on it. */
const others: readonly (readonly [command: string, code: number, says: RegExp])[] = [
  [`kafka-cluster.sh cluster-id ${at}`, 0, /^Cluster ID: \S+$/],
  [`kafka-cluster.sh list-endpoints ${at}`, 0, /1 +127\.0\.0\.1 +\d+ +null +unfenced +broker/],
  [`kafka-broker-api-versions.sh ${at}`, 0, /DescribeProducers\(61\): 0 \[usable: 0\]/],
  [`kafka-configs.sh ${at} --alter ${retention} --add-config retention.ms=1000000`, 0, /^Completed updating/],
  [`kafka-configs.sh ${at} --describe ${retention}`, 0, /retention\.ms=1000000 sensitive=false/],
  [`kafka-configs.sh ${at} --alter ${retention} --delete-config retention.ms`, 0, /^Completed updating/],
  // Apache Kafka takes this, and compresses anew.
  [`kafka-configs.sh ${at} --alter ${retention} --add-config compression.type=gzip`, 1, /^$/],
  // Apache Kafka takes some of the broker's.
  [`kafka-configs.sh ${at} --alter --entity-type brokers --entity-name 1 --add-config a=1`, 1, /^$/],
  [`kafka-configs.sh ${at} --describe --entity-type users`, 0, /^$/],
  [`kafka-configs.sh ${at} --describe --entity-type clients`, 0, /^$/],
  [`kafka-get-offsets.sh ${at} --topic lines --time max-timestamp`, 0, /^lines:0:\d+$/],
  [`kafka-get-offsets.sh ${at} --topic lines --time earliest-local`, 0, /^lines:0:0$/],
  [`kafka-delete-records.sh ${at} --offset-json-file deletions.json`, 0, /lines-0 low_watermark: 1$/],
  [`kafka-groups.sh ${at} --list`, 0, /words +Classic +consumer/],
  [`kafka-consumer-groups.sh ${at} --list --state stable`, 0, /words +Stable/],
  [
    `kafka-consumer-groups.sh ${at} --describe --group words --members --verbose`,
    0,
    /words .* lines:0;words-by-word-repartition:0/,
  ],
  [
    `kafka-consumer-groups.sh ${at} --reset-offsets --to-earliest --execute ${group}`,
    0,
    /readers +lines +0 +1/,
  ],
  [`kafka-consumer-groups.sh ${at} --delete-offsets ${group}`, 0, /lines +0 +Successful/],
  [
    `kafka-consumer-groups.sh ${at} --delete-offsets --group words --topic lines`,
    0,
    /GroupSubscribedToTopic/,
  ],
  [`kafka-consumer-groups.sh ${at} --delete --group readers`, 0, /GroupIdNotFound/],
  [`kafka-transactions.sh ${at} describe-producers ${words}`, 0, /^ProducerId.*⏎\d+ +\d+ /],
  [`kafka-transactions.sh ${at} find-hanging --topic lines`, 0, /^Topic Partition ProducerId[^⏎]*$/],
  [
    `kafka-leader-election.sh ${at} --election-type preferred --topic lines --partition 0`,
    0,
    /already elected/,
  ],
  [`kafka-reassign-partitions.sh ${at} --list`, 0, /^No partition reassignments found\.$/],
  [`kafka-acls.sh ${at} --list`, 1, /SecurityDisabledException: No Authorizer is configured on the broker/],
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
  const outcomes = await outcomesOf(lines, jarsDir)
  outcomes.forEach(({ line, code, output }, i) => {
    expect([line, code]).toEqual([line, 0])
    expect(output, line).toMatch(said[i] as RegExp)
  })
})

test('Kafka’s other command-line tools find what they ask for', slow, async (context) => {
  const { jarsDir } = skipUnavailable(context, await fetchJavaTools())
  const outcomes = await outcomesOf(
    others.map(([line]) => line),
    jarsDir,
  )
  outcomes.forEach(({ line, code, output }, i) => {
    const [, expected, says] = others[i] ?? [line, 0, /^$/]
    expect([line, code, output]).toEqual([line, expected, expect.stringMatching(says)])
  })
})

/** What Kafka's tools say of the program of the README, one after the other. */
async function outcomesOf(lines: readonly string[], jarsDir: string) {
  const address = await startWords()
  const dir = mkdtempSync(join(folder, 'tools-'))
  const file = join(dir, 'lines')
  const deletions = { version: 1, partitions: [{ topic: 'lines', partition: 0, offset: 1 }] }
  writeFileSync(join(dir, 'deletions.json'), JSON.stringify(deletions))
  writeFileSync(
    file,
    `${lines.map((line) => forTools(line.replaceAll('localhost:9092', address))).join('\n')}\n`,
  )
  const tools = join(import.meta.dirname, 'clients', 'Tools.java')
  const inDir = { ...limit, cwd: dir }
  const { stdout } = await run('java', [...jvmFlags, '-cp', `${jarsDir}/*`, tools, file], inDir)
  const outcomes = stdout.split('\n').filter((line) => /^\d+\t/.test(line))
  return lines.map((line, i) => {
    const [code, output = ''] = outcomes[i]?.split('\t') ?? []
    return { line, code: Number(code), output }
  })
}

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
