import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, RivuletError } from '../../errors.ts'
import type { RuntimeEvent } from '../events.ts'
import type { StopOutcome } from '../instance.ts'
import type { PipelineStatus } from '../pipeline-status.ts'
import { type ChildData, errorOf, type InstanceReport, type InstanceRequest } from './messages.ts'

export interface InstanceProcessOptions extends ChildData {
  readonly event: (event: RuntimeEvent) => void
}

/** An instance in a process of its own, as the one that has started it sees it. */
export class InstanceProcess {
  /** Resolves when it has started; rejects with what ended it before. */
  readonly started: Promise<void>
  /** Resolves with how it has stopped; rejects with what ended it. */
  readonly ended: Promise<StopOutcome>
  readonly #child: ChildProcess
  readonly #statuses = new Map<number, (status: PipelineStatus) => void>()
  #asked = 0
  #isKilled = false

  constructor({ event, ...data }: InstanceProcessOptions) {
    this.#child = fork(beginning, [JSON.stringify(data)], { serialization: 'advanced' })
    this.#child.on('message', (report: InstanceReport) => {
      if (report.type === 'event') event(report.event)
      else if (report.type === 'status') this.#answer(report)
    })
    this.started = new Promise((resolve, reject) => {
      this.#child.on('message', ({ type }: InstanceReport) => {
        if (type === 'started') resolve()
      })
      this.#onFailure(data, reject)
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('message', (report: InstanceReport) => {
        if (report.type === 'stopped') resolve(report.outcome)
      })
      this.#child.on('exit', () => {
        if (this.#isKilled) resolve('cut-off')
      })
      this.#onFailure(data, reject)
    })
    for (const promise of [this.started, this.ended]) promise.catch(() => undefined) // who awaits them is told
  }

  /** Asks it to write what it has read, and to end. */
  stop(): void {
    this.#ask({ type: 'stop' })
  }

  /** Resolves with where it stands, as soon as there is an instance; never, where there is none any more. */
  status(): Promise<PipelineStatus> {
    const id = ++this.#asked
    return new Promise((resolve) => {
      this.#statuses.set(id, resolve)
      this.#ask({ type: 'status', id })
    })
  }

  /** Ends it, whatever it does: what it has not written by then is `cut-off`. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#isKilled = true
    this.#child.kill('SIGKILL')
    await this.ended.catch(() => undefined) // it has ended by itself
  }

  #onFailure(data: ChildData, failed: (error: RivuletError) => void): void {
    this.#child.on('message', (report: InstanceReport) => {
      if (report.type === 'failed') failed(errorOf(report.failure))
    })
    this.#child.on('error', (error) => failed(brokenDown(data, messageOf(error), error)))
    this.#child.on('exit', (code, signal) => {
      failed(brokenDown(data, `its process has ended with ${signal ?? `code ${code}`}`))
    })
  }

  #answer({ id, status }: { readonly id: number; readonly status: PipelineStatus }): void {
    this.#statuses.get(id)?.(status)
    this.#statuses.delete(id)
  }

  #ask(request: InstanceRequest): void {
    // One that is gone needs not be told, and `ended` says why it is.
    if (this.#child.connected) this.#child.send(request, () => undefined)
  }
}

/** Compiled as this file is. */
const beginning = fileURLToPath(new URL(`./child${extname(fileURLToPath(import.meta.url))}`, import.meta.url))

function brokenDown({ index, module }: ChildData, why: string, cause?: unknown): RivuletError {
  return new RivuletError('INTERNAL', `instance ${index} of ${module} broke down: ${why}`, { cause })
}
