import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import { Cluster } from './cluster/cluster.ts'
import { type Fault, faults } from './cluster/faults.ts'
import { Pipeline } from './cluster/pipeline.ts'

const usage = `Usage: npm run cluster -- [FAULT...] [--times N]

Runs two instances of a pipeline with a join, windows and repartitions on three nodes of Apache Kafka, puts these to
faults, N times each (default 1), and prints how long nothing came out; then compares what came out with what was made.
Needs Java and Maven. Faults: ${Object.keys(faults).join(', ')} (default: all).
`

const print = (line: string) => process.stdout.write(`${line}\n`)
const waits = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Returns the exit code: 1 where something was lost, doubled, or did not go on; 2 where it can't be run. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { times: { type: 'string', default: '1' } },
  })
  const names = positionals.length > 0 ? positionals : Object.keys(faults)
  if (!/^[1-9]\d{0,3}$/.test(values.times) || !names.every((name) => faults[name])) {
    process.stderr.write(usage)
    return 2
  }
  const cluster = await Cluster.start()
  if ('unavailable' in cluster) {
    process.stderr.write(`${cluster.unavailable}\n`)
    return 2
  }
  // They would go on without this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cluster.close().finally(() => process.exit(1)))
  let pipeline: Pipeline | undefined
  try {
    pipeline = await Pipeline.start(cluster.brokers)
    print('| fault | times | median ms | worst ms |\n| --- | --- | --- | --- |')
    let failures = 0
    for (const name of names) {
      try {
        const times = await afterEach(faults[name] as Fault, Number(values.times), cluster, pipeline)
        print(`| ${[name, times.length, times[times.length >> 1], times.at(-1)].join(' | ')} |`)
      } catch (error) {
        failures++
        print(`${name}: ${messageOf(error)}`)
      }
    }
    const { made, lost, doubled, miscounted } = await pipeline.audit()
    print(`${made} made, ${lost} lost, ${doubled} doubled, ${miscounted} miscounted`)
    return failures + lost + doubled + miscounted === 0 ? 0 : 1
  } catch (error) {
    print(messageOf(error))
    return 1
  } finally {
    await pipeline?.close()
    await cluster.close()
  }
}

/** How long it took until results went on, in ms, the shortest first. */
async function afterEach(
  fault: Fault,
  times: number,
  cluster: Cluster,
  pipeline: Pipeline,
): Promise<number[]> {
  const elapsedMs: number[] = []
  for (let i = 0; i < times; i++) {
    const { begin, end, outageMs } = await fault(cluster, pipeline.application)
    if (outageMs === undefined) {
      const standstillMs = await pipeline.standstillIn(async () => {
        await begin()
        await pipeline.goesOn()
        await end()
        await cluster.settled()
      })
      elapsedMs.push(Math.round(standstillMs))
    } else {
      await begin()
      await waits(outageMs)
      await end()
      elapsedMs.push(Math.round(await pipeline.goesOn()))
      await cluster.settled()
    }
  }
  return elapsedMs.toSorted((a, b) => a - b)
}

process.exitCode = await main()
