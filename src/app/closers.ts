import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** What has been opened, to be closed in the opposite order, each even if another one fails. */
export class Closers {
  readonly #logger: Logger
  readonly #opened: { readonly name: string; readonly close: () => unknown }[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(name: string, close: () => unknown): void {
    this.#opened.push({ name, close })
  }

  async closeAll(): Promise<void> {
    for (let last = this.#opened.pop(); last; last = this.#opened.pop()) {
      try {
        await last.close()
        this.#logger.debug({ part: last.name }, 'closed')
      } catch (error) {
        this.#logger.error({ part: last.name, error: messageOf(error) }, 'could not be closed in order')
      }
    }
  }
}
