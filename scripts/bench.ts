import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from '../src/broker/index.ts'
import { benchStages } from './bench/stages.ts'
import { produceTicks } from './bench/ticks.ts'
import {
  type Contender,
  contenders,
  type WholePathOptions,
  type WholePathResult,
} from './bench/whole-path.ts'
import { benchWindowedCount } from './bench/windowed-count.ts'

/** One figure. Ratios within one run are what to trust: machines differ, and are noisy. */
interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
})

function report(figure: Figure): void {
  const line = values.json
    ? JSON.stringify(figure)
    : `${figure.name.padEnd(60)} ${round(figure.value)} ${figure.unit}`
  process.stdout.write(`${line}\n`)
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[of.length >> 1] as number
}

/** Each contender in a process of its own, in turn, so that no one has the other's heap or a warm machine. */
function inOwnProcess(options: WholePathOptions): Promise<WholePathResult> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./bench/contender.ts', import.meta.url)), [], {
      env: { ...process.env, RIVULET_BENCH: JSON.stringify(options) },
    })
    child.once('message', (result) => resolve(result as WholePathResult))
    child.once('exit', (code) => reject(new Error(`${options.contender} ended with exit code ${code}`)))
  })
}

async function benchWholePath(records: number, runs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-bench-'))
  try {
    const filled = join(folder, 'filled')
    const broker = await startBroker({ dataDir: filled })
    await produceTicks(broker.brokers, records)
    await broker.close()
    const results = new Map<Contender, WholePathResult[]>(contenders.map((contender) => [contender, []]))
    for (let i = 0; i < runs; i++) {
      for (const contender of contenders) {
        const workDir = join(folder, `${contender}-${i}`)
        const brokerDir = join(workDir, 'broker')
        cpSync(filled, brokerDir, { recursive: true })
        results.get(contender)?.push(await inOwnProcess({ contender, brokerDir, workDir, records }))
        rmSync(workDir, { recursive: true, force: true })
      }
    }
    const elapsedMs = (contender: Contender) =>
      results.get(contender)?.map((result) => result.elapsedMs) ?? []
    const own = elapsedMs('rivulet')
    for (const contender of contenders) {
      report({
        name: `whole path, ${contender}`,
        value: (records / median(elapsedMs(contender))) * 1000,
        unit: 'records/s',
      })
      const memory = results.get(contender)?.map((result) => result.memoryMbMax) ?? []
      report({ name: `whole path, ${contender}: memory`, value: Math.max(...memory), unit: 'MB' })
      const cpu = results.get(contender)?.map((result) => result.cpuMs) ?? []
      report({ name: `whole path, ${contender}: processor time`, value: median(cpu), unit: 'ms' })
      if (contender === 'rivulet') continue
      const ratios = elapsedMs(contender).map((ms, i) => ms / (own[i] as number))
      report({ name: `whole path, rivulet against ${contender}`, value: median(ratios), unit: '×' })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const benches = {
  stages: async () => {
    for (const figure of await benchStages()) report(figure)
  },
  'windowed-count': async () => {
    const times = Array.from({ length: 5 }, benchWindowedCount)
    const name = 'windowed count, 1 M records, 10,000 keys'
    report({
      name: `${name}: task`,
      value: 1e9 / median(times.map(({ taskMs }) => taskMs)),
      unit: 'records/s',
    })
    report({
      name: `${name}: loop with a Map`,
      value: 1e9 / median(times.map(({ loopMs }) => loopMs)),
      unit: 'records/s',
    })
    report({
      name: `${name}: time against the loop`,
      value: median(times.map(({ taskMs, loopMs }) => taskMs / loopMs)),
      unit: '×',
    })
  },
  'whole-path': () => benchWholePath(Number(values.records), Number(values.runs)),
}
for (const [name, bench] of Object.entries(benches)) {
  if (values.only === undefined || values.only === name) await bench()
}
