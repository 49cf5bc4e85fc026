import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached, type Unavailable } from '../../../../test/support/cached.ts'
import { fetchJars } from '../../../../test/support/jars.ts'
import { run } from '../../../../test/support/run-command.ts'
import type { Run } from '../../job.ts'
import type { NexmarkRun } from '../program.ts'

const flinkVersion = '2.0.0'
const [connectorVersion, jacksonVersion] = ['4.0.0-2.0', '2.21.7']
const source = fileURLToPath(new URL('./Nexmark.java', import.meta.url))
/** Flink looks into them with its serializers. */
const openedPackages = ['lang', 'lang.reflect', 'util', 'util.concurrent', 'net', 'time', 'nio', 'io']
const jvmFlags = [
  '-Xmx1g',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ...openedPackages.flatMap((name) => ['--add-opens', `java.base/java.${name}=ALL-UNNAMED`]),
]
const runMsMax = 600_000

/** Flink, and the queries compiled for it. */
export interface Flink {
  readonly classPath: string
}

/** Fetches Flink once, and compiles the queries once for each of their versions; says why where that can't be done. */
export async function prepareFlink(): Promise<Flink | Unavailable> {
  const fetched = await fetchJars(`rivulet-flink/${flinkVersion}`, [
    ['org.apache.flink', 'flink-streaming-java', flinkVersion],
    ['org.apache.flink', 'flink-clients', flinkVersion],
    ['org.apache.flink', 'flink-connector-base', flinkVersion],
    ['org.apache.flink', 'flink-connector-kafka', connectorVersion],
    ['com.fasterxml.jackson.core', 'jackson-databind', jacksonVersion],
  ])
  if ('unavailable' in fetched) return fetched
  const jars = join(fetched.jarsDir, '*')
  const version = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12)
  const compiled = await cached({ name: `rivulet-flink/nexmark-${version}`, needs: ['javac'] }, (dir) =>
    run('javac', ['-nowarn', '-d', dir, '-cp', jars, source]),
  )
  return 'unavailable' in compiled ? compiled : { classPath: `${compiled.dir}:${jars}` }
}

/** The query in a JVM of its own, from its first record to its end, with what it has written acknowledged. */
export async function runFlink({ classPath }: Flink, options: NexmarkRun): Promise<Run> {
  const { query, brokers, prefix, application, output, workDir, records } = options
  const args = [brokers.join(','), query, prefix, output, application, workDir]
  const { stdout } = await run('java', [...jvmFlags, '-cp', classPath, 'Nexmark', ...args], {
    timeout: runMsMax,
  })
  const [elapsedMs = Number.NaN, cpuMs = Number.NaN] = stdout.trim().split(' ').map(Number)
  return { recordsPerS: (records / elapsedMs) * 1_000, cpuUsPerRecord: (cpuMs * 1_000) / records }
}
