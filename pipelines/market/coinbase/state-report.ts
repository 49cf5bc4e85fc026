import type { SourceContext, SourceState } from 'rivulet'

/** One state out of the connection's and the products': said when it changes. */
export class StateReport {
  readonly #context: Pick<SourceContext, 'setState'>
  readonly #recovering = new Set<string>()
  #connection: SourceState = 'connecting'
  #said: SourceState = 'connecting'

  constructor(context: Pick<SourceContext, 'setState'>) {
    this.#context = context
  }

  connection(state: 'connecting' | 'live' | 'waiting'): void {
    this.#connection = state
    this.#say()
  }

  recovering(product: string, recovering: boolean): void {
    if (recovering) this.#recovering.add(product)
    else this.#recovering.delete(product)
    this.#say()
  }

  stopped(): void {
    this.#recovering.clear()
    this.#connection = 'stopped'
    this.#say()
  }

  #say(): void {
    if (this.#said === 'stopped') return
    const state = this.#connection === 'live' && this.#recovering.size > 0 ? 'recovering' : this.#connection
    if (state !== this.#said) this.#context.setState(state)
    this.#said = state
  }
}
