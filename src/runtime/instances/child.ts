// The process of an instance: loads the module that makes it, tells the parent how it does, and ends with it.
import { RivuletError } from '../../errors.ts'
import type { Running } from '../run.ts'
import { type ChildData, failureOf, type InstanceReport, type InstanceRequest } from './messages.ts'

const { module, ...number }: ChildData = JSON.parse(process.argv[2] ?? '{}')
/** Whether it is to end, maybe before there is an instance. */
let isToStop = false
let running: Running | undefined
/** Who asked where it stands before there was an instance. */
let waiting: number[] = []

function report(message: InstanceReport): Promise<void> {
  // Without a parent there is nobody to tell.
  return new Promise((resolve) => process.send?.(message, undefined, {}, () => resolve()) ?? resolve())
}

function tell(instance: Running, id: number): void {
  void report({ type: 'status', id, status: instance.status() })
}

function stop(): void {
  isToStop = true
  running?.stop().catch(() => undefined) // `done` tells
}

process.on('message', (request: InstanceRequest) => {
  if (request.type === 'stop') stop()
  else if (running) tell(running, request.id)
  else waiting.push(request.id)
})
// Also a parent that was killed leaves nobody behind who hears of it.
process.on('disconnect', stop)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)

async function instanceOf(): Promise<Running> {
  const loaded: { readonly default?: unknown } = await import(module)
  if (typeof loaded.default !== 'function') {
    const message = `${module} must export by default the function that runs a topology: ({ index }) => run(…)`
    throw new RivuletError('BAD_CONFIG', message, { place: { path: module } })
  }
  return loaded.default(number)
}

try {
  running = await instanceOf()
  for (const id of waiting) tell(running, id)
  waiting = []
  running.events$.subscribe({
    next: (event) => void report({ type: 'event', event }),
    error: () => undefined,
  })
  running.started.then(
    () => report({ type: 'started' }),
    () => undefined, // `done` tells
  )
  if (isToStop) stop()
  await running.done
  await report({ type: 'stopped', outcome: await running.stop() })
  process.exit(0)
} catch (error) {
  await report({ type: 'failed', failure: failureOf(error) })
  process.exit(1)
}
