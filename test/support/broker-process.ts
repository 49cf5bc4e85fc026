import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface BrokerProcess {
  readonly port: number
  /** SIGKILL: nothing is flushed, nothing is released. */
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('broker-program.ts', import.meta.url))

/** The embedded broker in a process of its own, so that it can be killed. */
export async function startBrokerProcess(options: {
  readonly dataDir: string
  readonly port?: number
  /** Default: Kafka's. */
  readonly groupSessionTimeoutMsMin?: number
}): Promise<BrokerProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  child.once('exit', () => process.off('exit', killWithUs))
  const port = await new Promise<number>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => resolve(Number(line)))
    child.once('exit', (code) => reject(new Error(`the broker's process ended with code ${code}`)))
  })
  return { port, kill: () => kill(child) }
}

function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
