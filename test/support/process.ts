import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach } from 'vitest'

/** A TypeScript file in a process of its own, as a user starts it. */
export interface StartedProcess {
  readonly pid: number
  readonly output: { readonly stdout: string; readonly stderr: string }
  /** Resolves as soon as it has written that; rejects, with all it has written, when it ends before. */
  wrote(stream: 'stdout' | 'stderr', what: RegExp): Promise<RegExpExecArray>
  signal(signal: NodeJS.Signals): void
  /** Somebody types that, and nothing more. */
  type(text: string): void
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>
}

const started = new Set<ChildProcess>()

/** Starts it in the project's folder, with no more variables than `PATH` and these. It is killed after the test. */
export function startProcess(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): StartedProcess {
  return startCommand(process.execPath, ['--import', 'tsx', file, ...args], env)
}

/** The same for any command. */
export function startCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): StartedProcess {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  started.add(child)
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  }
  const ended = once(child, 'close').then(() => child.exitCode)
  return {
    pid: child.pid ?? 0,
    output,
    ended,
    signal: (signal) => child.kill(signal),
    type: (text) => child.stdin.end(text),
    wrote: (stream, what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = what.exec(output[stream])
          if (found) resolve(found)
        }
        child[stream].on('data', look)
        look()
        ended.then(() =>
          reject(new Error(`${command} ${args.join(' ')} ended\n${output.stdout}\n${output.stderr}`)),
        )
      }),
  }
}

/** Runs it until it ends by itself; `typed` is what somebody has typed. */
export async function runProcess(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  typed = '',
) {
  const { output, ended, type } = startProcess(file, args, env)
  type(typed)
  return { code: await ended, ...output }
}

afterEach(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  }
  started.clear()
})
