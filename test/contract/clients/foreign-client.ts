import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached, type Unavailable } from '../../support/cached.ts'
import { fetchJars, kafkaVersion } from '../../support/jars.ts'
import { run } from '../../support/run-command.ts'

const folder = import.meta.dirname

/** How its program is run; the brokers and a file with a large value follow. */
interface Program {
  readonly command: string
  readonly args: readonly string[]
}

/** A client of other make, and what it has not. */
export interface ForeignClient {
  readonly name: string
  /** Parts of names of checks. */
  readonly lacks?: readonly string[]
  program(): Promise<Program | Unavailable>
}

export const foreignClients: readonly ForeignClient[] = [
  {
    name: `Java's clients ${kafkaVersion}`,
    async program() {
      const fetched = await fetchJavaTools()
      if ('unavailable' in fetched) return fetched
      const { jarsDir } = fetched
      return { command: 'java', args: [...jvmFlags, '-cp', `${jarsDir}/*`, join(folder, 'Contract.java')] }
    },
  },
  {
    name: 'librdkafka 2.16.1',
    program: () => python('librdkafka.py', ['confluent-kafka==2.16.1']),
  },
  {
    name: 'kafka-python 2.2.15',
    program: () => python('kafka_python.py', ['kafka-python==2.2.15', ...pythonCodecs]),
  },
  {
    name: 'kafka-python 2.0.6',
    lacks: ['transactions'],
    program: () => python('kafka_python.py', ['kafka-python==2.0.6', ...pythonCodecs]),
  },
  {
    name: 'kafkajs 2.2.4',
    lacks: ['snappy', 'lz4', 'zstd'],
    program: async () => ({ command: process.execPath, args: [join(folder, 'kafkajs.mjs')] }),
  },
]

export const jvmFlags = [
  ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
]
const pythonCodecs = ['lz4==4.4.4', 'python-snappy==0.7.3', 'zstandard==0.25.0']

/** Kafka's clients and command-line tools. */
export function fetchJavaTools() {
  return fetchJars(`rivulet-kafka/tools-${kafkaVersion}`, [['org.apache.kafka', 'kafka-tools', kafkaVersion]])
}

async function python(file: string, packages: readonly string[]): Promise<Program | Unavailable> {
  const name = `rivulet-clients/${packages[0]?.replace('==', '-')}`
  const made = await cached({ name, needs: ['python3'] }, (dir) =>
    run('python3', ['-m', 'pip', 'install', '-q', '--target', dir, ...packages], { timeout: 120_000 }),
  )
  if ('unavailable' in made) return made
  return { command: 'env', args: [`PYTHONPATH=${made.dir}`, 'python3', '-B', join(folder, file)] }
}

/** How each check went: `ok`, or why not. */
export type Outcomes = ReadonlyMap<string, string>

/** Runs the client's program against a broker. */
export async function outcomesOf(
  { command, args }: Program,
  brokers: readonly string[],
  large: { readonly path: string; readonly value: Buffer },
  timeoutMs: number,
): Promise<Outcomes> {
  writeFileSync(large.path, large.value)
  const child = spawn(command, [...args, brokers.join(','), large.path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  let said = ''
  let complaints = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  child.stderr.on('data', (text) => {
    complaints += text
  })
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  const lines = said.split('\n').map((line) => line.split('\t'))
  const outcomes = new Map(
    lines.map(([outcome = '', check = '', why = '']) => [
      check,
      outcome === 'ok' ? 'ok' : `${outcome}: ${why}`,
    ]),
  )
  return complaints && outcomes.size < 2 ? new Map([['all', complaints]]) : outcomes
}
