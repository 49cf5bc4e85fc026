// runInstances() in a process of its own, for tests: what it is told comes as lines, and so goes what it says.
import { createInterface } from 'node:readline'
import { RivuletError, runInstances } from 'rivulet'

const [module = '', instances] = process.argv.slice(2)
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
const failed = (error: unknown) => {
  const { code, message, place } =
    error instanceof RivuletError ? error : new RivuletError('INTERNAL', String(error))
  say({ failed: { code, message, place } })
}

const running = runInstances(new URL(module, import.meta.url), {
  instances: Number(instances),
  stopTimeoutMs: 5_000,
})
running.started.then(() => say({ started: true }), failed)
createInterface(process.stdin).on('line', (line) => {
  if (line === 'stop') running.stop().catch(() => undefined)
  else
    running.statuses().then((statuses) => {
      say({ partitions: statuses.map(({ partitions }) => partitions.map(({ partition }) => partition)) })
    }, failed)
})
running.done.then(
  async () => {
    say({ stopped: await running.stop() })
    process.exit(0)
  },
  (error) => {
    failed(error)
    process.exit(1)
  },
)
