import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from '../src/broker/index.ts'
import { measureRestarts } from './state/restarts.ts'
import { kinds, measureRows, type RowFigures } from './state/rows.ts'

const usage = `Usage: npm run state -- [--keys N] [--restarts N]

Measures stores with so many keys (default 1,000,000): bytes a key, and on disk updates a second and a start.
Then starts a program whose store has so many keys (default 300,000) again, with and without its local disk.
`
const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    restarts: { type: 'string', default: '300000' },
    part: { type: 'string' },
    folder: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})

/** A part in a process of its own, so that none has another's heap; resolves with the first thing that it tells. */
function part<T>(name: string, args: readonly string[] = []) {
  const child = fork(fileURLToPath(import.meta.url), ['--part', name, ...args], {
    execArgv: [...process.execArgv, '--expose-gc'],
  })
  const told = new Promise<T>((resolve, reject) => {
    child.once('message', (figures) => resolve(figures as T))
    child.once('exit', (code) => reject(new Error(`"${name}" ended with exit code ${code}`)))
  })
  return { told, end: () => child.kill() }
}

async function measure(folder: string): Promise<void> {
  for (const kind of kinds) {
    const figures = await part<RowFigures>(kind, ['--keys', values.keys, '--folder', join(folder, 'rows')])
      .told
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
  const broker = part<string>('broker', ['--folder', join(folder, 'broker')])
  const address = await broker.told
  for (const storeType of ['memory', 'disk'] as const) {
    const figures = await measureRestarts(address, { keys: Number(values.restarts), storeType, folder })
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
  broker.end()
}

if (values.help) process.stdout.write(usage)
else if (values.part === 'broker') {
  const broker = await startBroker({ dataDir: values.folder })
  process.send?.(broker.brokers[0])
} else if (values.part !== undefined) {
  const kind = kinds.find((each) => each === values.part)
  if (kind) process.send?.(await measureRows(kind, Number(values.keys), values.folder), () => process.exit(0))
} else {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-state-'))
  try {
    await measure(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
