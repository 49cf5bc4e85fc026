import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PagesOptions, PagesResult } from './pages.ts'

const pagesEntry = fileURLToPath(new URL('pages.ts', import.meta.url))
const cryptoEntry = fileURLToPath(new URL('../../pipelines/crypto.ts', import.meta.url))

/** The crypto program in a process of its own, with an empty data folder. */
export class MarketProgram {
  /** With a slash at its end. */
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  /** `market`: the flags that choose one. Resolves when it serves. */
  static async start(folder: string, market: readonly string[]): Promise<MarketProgram> {
    const args = [
      '--import',
      'tsx',
      cryptoEntry,
      ...market,
      '--port',
      '0',
      '--data-dir',
      join(folder, 'data'),
    ]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, LOG_LEVEL: 'warn' },
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /^Ready: (\S+)$/.exec(line) ?? []
      if (url !== undefined) {
        child.stdout.resume()
        return new MarketProgram(url, child)
      }
    }
    throw new Error('the program ended before it was ready')
  }

  /** How many trades are stored. */
  async count(): Promise<number> {
    const response = await fetch(`${this.url}api/count`)
    const { count } = (await response.json()) as { count: number }
    return count
  }

  /** What it has taken of the processors so far, s: steadier than the clock on a busy machine. */
  async cpuSeconds(): Promise<number> {
    const metrics = await (await fetch(`${this.url}metrics`)).text()
    return Number(/^process_cpu_seconds_total\S* (\S+)/m.exec(metrics)?.[1])
  }

  /** Resolves with how long it took, ms, until so many are stored. */
  async stored(trades: number): Promise<number> {
    const startedMs = performance.now()
    while ((await this.count()) < trades) await sleep(100)
    return performance.now() - startedMs
  }

  /** Opens pages, and closes them after that time. */
  read(options: Omit<PagesOptions, 'url'>): Promise<PagesResult> {
    const env = { ...process.env, RIVULET_PAGES: JSON.stringify({ ...options, url: this.url }) }
    const child = fork(pagesEntry, [], { env })
    return new Promise((resolve, reject) => {
      child.once('message', (result) => resolve(result as PagesResult))
      child.once('exit', (code) => reject(new Error(`the pages ended with exit code ${code}`)))
    })
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await ended
  }
}
