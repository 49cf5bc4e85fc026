import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
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
/** Of a process that runs seeds. */
export const seedNodeOptions = [
  // Young objects get room, as nearly all of them die young. A process keeps to one thread: the next one has the other core.
  '--max-semi-space-size=64',
  '--min-semi-space-size=32',
  '--single-threaded',
  // How code is used is noted from its first call on, so that it is optimized sooner.
  '--no-lazy-feedback-allocation',
  // Nobody asks for the stacks of errors that are expected.
  '--stack-trace-limit=0',
]

/** Runs seeds in several processes; rejects where one of these ends too soon. */
export async function runInWorkers({ seeds, jobs, deployment, done }: WorkersOptions): Promise<void> {
  const worker = await bundledWorker()
  let next = 0
  const wanted = (): SeedsWanted | undefined => {
    const some = seeds.slice(next, next + seedsAtOnce)
    next += some.length
    return some.length > 0 ? { seeds: some, ...(deployment !== undefined && { deployment }) } : undefined
  }
  try {
    await Promise.all(Array.from({ length: jobs }, () => work(worker.path, wanted, done)))
  } finally {
    await worker.remove()
  }
}

/** Bundled, it runs a fifth faster than loaded by tsx, which wraps each function to keep its name. */
async function bundledWorker(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const outdir = pathOf(`../../node_modules/.cache/rivulet/simulation-${process.pid}`)
  await build({
    entryPoints: [pathOf('./worker.ts')],
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    packages: 'external',
    logLevel: 'error',
  })
  return { path: `${outdir}/worker.mjs`, remove: () => rm(outdir, { recursive: true }) }
}

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

function work(
  worker: string,
  wanted: () => SeedsWanted | undefined,
  done: WorkersOptions['done'],
): Promise<void> {
  const child = fork(worker, [], { execArgv: seedNodeOptions })
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
