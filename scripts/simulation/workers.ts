import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SeedResult, SeedsWanted } from './worker.ts'

export interface WorkersOptions {
  readonly seeds: readonly number[]
  /** How many processes. */
  readonly jobs: number
  readonly deployment?: string
  readonly done: (result: SeedResult) => void
}

/** Few, so that all are busy until the end. */
const seedsAtOnce = 10
/** Young objects get more room, as nearly all of them die young; stacks of errors that are expected are not asked for. */
const nodeOptions = ['--import', 'tsx', '--max-semi-space-size=32', '--stack-trace-limit=0']

/** Runs seeds in several processes; rejects where one of these ends too soon. */
export async function runInWorkers({ seeds, jobs, deployment, done }: WorkersOptions): Promise<void> {
  let next = 0
  const wanted = (): SeedsWanted | undefined => {
    const some = seeds.slice(next, next + seedsAtOnce)
    next += some.length
    return some.length > 0 ? { seeds: some, ...(deployment !== undefined && { deployment }) } : undefined
  }
  await Promise.all(Array.from({ length: jobs }, () => work(wanted, done)))
}

function work(wanted: () => SeedsWanted | undefined, done: WorkersOptions['done']): Promise<void> {
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [], {
    execArgv: nodeOptions,
  })
  return new Promise((resolve, reject) => {
    let left = 0
    const goOn = () => {
      const some = wanted()
      if (!some) return end(child, resolve)
      left = some.seeds.length
      child.send(some)
    }
    child.on('message', (result) => {
      done(result as SeedResult)
      if (--left === 0) goOn()
    })
    child.once('exit', (code) => reject(new Error(`a worker has ended with exit code ${code}`)))
    goOn()
  })
}

function end(child: ChildProcess, ended: () => void): void {
  child.removeAllListeners('exit')
  child.once('exit', ended)
  child.kill()
}
