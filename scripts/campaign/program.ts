import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const logCharsMax = 200_000
const readyMsMax = 90_000
const stopMsMax = 40_000
const lookEveryMs = 100

export interface ProgramOptions {
  /** For messages. */
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** The module to run. */
  readonly entry: string
  /** A module that is loaded before the program. */
  readonly preload?: string | undefined
}

/** `crypto` in a process of its own, as a user starts it. */
export class Program {
  readonly name: string
  /** Resolves when the process is gone, with its exit code; null: a signal has ended it. */
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess
  #stdout = ''
  #log = ''

  constructor({ name, entry, env, preload }: ProgramOptions) {
    this.name = name
    const preloaded = preload === undefined ? [] : ['--import', preload]
    const args = ['--import', 'tsx', ...preloaded, entry, '--port', '0']
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const killWithUs = () => this.#child.kill('SIGKILL')
    process.once('exit', killWithUs)
    this.ended = once(this.#child, 'close').then(() => {
      process.off('exit', killWithUs)
      return this.#child.exitCode
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-logCharsMax)
    })
  }

  get log(): string {
    return this.#log
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Waits for its `Ready:` line; rejects when it has ended, or not come so far, by then. */
  async ready(timeoutMs = readyMsMax): Promise<void> {
    await this.#until(() => this.url !== undefined, timeoutMs, 'was not ready')
  }

  /** Waits until its table of trades has not grown for so long. */
  async settled(quietMs: number, timeoutMs: number): Promise<void> {
    let [last, sinceMs] = [-1, performance.now()]
    const isQuiet = async () => {
      const count = await this.#count()
      if (count !== last) [last, sinceMs] = [count, performance.now()]
      return last >= 0 && performance.now() - sinceMs >= quietMs
    }
    await this.#until(isQuiet, timeoutMs, 'went on writing')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }

  /** Ends it as an operator does, and answers its exit code; null: it had to be killed. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM')
    const overdue = setTimeout(() => this.signal('SIGKILL'), stopMsMax)
    const code = await this.ended
    clearTimeout(overdue)
    return code
  }

  /** Where it serves; undefined: it is not ready yet. */
  get url(): string | undefined {
    return /^Ready: (http:\/\/\S+\/)$/m.exec(this.#stdout)?.[1]
  }

  /** −1: it does not answer. */
  async #count(): Promise<number> {
    try {
      const answer = await fetch(new URL('/api/count', this.url), { signal: AbortSignal.timeout(5_000) })
      const { count } = (await answer.json()) as { count?: number }
      return count ?? -1
    } catch {
      return -1
    }
  }

  async #until(
    condition: () => boolean | Promise<boolean>,
    timeoutMs: number,
    failure: string,
  ): Promise<void> {
    const endMs = performance.now() + timeoutMs
    while (!(await condition())) {
      if (!this.isRunning) throw new Error(`${this.name} ended\n${this.#log}`)
      if (performance.now() > endMs)
        throw new Error(`${this.name} ${failure} within ${timeoutMs} ms\n${this.#log}`)
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  }
}
