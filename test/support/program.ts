import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A program of `pipelines/` in a process of its own, as a user starts it. */
export interface StartedProgram {
  readonly pid: number
  /** With a slash at its end. */
  readonly url: string
  /** What it has logged so far. */
  log(): string
  get<T>(path: string): Promise<T>
  /** Asks again until `accept` is content; rejects, with the last answer and the log, after `timeoutMs`. */
  until<T>(path: string, accept: (answer: T) => boolean, timeoutMs?: number): Promise<T>
  /** Sends the signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface EndedProgram {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const startMsMax = 60_000
const stopMsMax = 30_000

function spawnProgram(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([variable]) => !variable.startsWith('VITEST') && variable !== 'NODE_ENV',
  )
  return spawn(process.execPath, ['--import', 'tsx', `pipelines/${name}.ts`, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return output
}

/** Starts a program and waits for its `Ready:` line. */
export async function startProgram(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StartedProgram> {
  const child = spawnProgram(name, ['--port', '0', ...args], env)
  const output = collect(child)
  const exited = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    const overdue = setTimeout(() => fail(`was not ready within ${startMsMax} ms`), startMsMax)
    const fail = (why: string) => {
      child.kill('SIGKILL')
      clearTimeout(overdue)
      reject(new Error(`${name} ${why}\n${output.stderr}`))
    }
    child.stdout?.on('data', () => {
      const ready = /^Ready: (http:\/\/\S+\/)$/m.exec(output.stdout)
      if (!ready) return
      clearTimeout(overdue)
      resolve(ready[1] as string)
    })
    child.once('exit', (code) => fail(`ended with exit code ${code}`))
  })

  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(new URL(path, url))
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as T
  }
  return {
    pid: child.pid as number,
    url,
    log: () => output.stderr,
    get,
    async until(path, accept, timeoutMs = 30_000) {
      const giveUpAtMs = performance.now() + timeoutMs
      let last: unknown
      while (performance.now() < giveUpAtMs) {
        try {
          const answer = await get<Parameters<typeof accept>[0]>(path)
          if (accept(answer)) return answer
          last = answer
        } catch (error) {
          last = error
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(
        `${path} did not become what was expected; last: ${JSON.stringify(last)?.slice(0, 2_000) ?? String(last)}\n${output.stderr.slice(-5_000)}`,
      )
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill(signal)
      const overdue = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
      await exited
      clearTimeout(overdue)
      return child.exitCode
    },
  }
}

/** Runs a program that is expected to end by itself. */
export async function runProgram(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<EndedProgram> {
  const child = spawnProgram(name, args, env)
  const output = collect(child)
  const overdue = setTimeout(() => child.kill('SIGKILL'), startMsMax)
  await once(child, 'close')
  clearTimeout(overdue)
  return { code: child.exitCode, ...output }
}

export interface InterruptedProgram extends EndedProgram {
  /** From the first signal to the end. */
  readonly elapsedMs: number
}

/** Runs a program, sends it the signals as soon as its log has `when`, and waits for its end. */
export async function interruptProgram(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { when, signals }: { readonly when: RegExp; readonly signals: readonly NodeJS.Signals[] },
): Promise<InterruptedProgram> {
  const child = spawnProgram(name, ['--port', '0', ...args], env)
  const output = collect(child)
  const overdue = setTimeout(() => child.kill('SIGKILL'), startMsMax)
  let signalledMs: number | undefined
  child.stderr?.on('data', () => {
    if (signalledMs !== undefined || !when.test(output.stderr)) return
    signalledMs = performance.now()
    for (const signal of signals) child.kill(signal)
  })
  await once(child, 'close')
  clearTimeout(overdue)
  return { code: child.exitCode, ...output, elapsedMs: performance.now() - (signalledMs ?? Number.NaN) }
}
