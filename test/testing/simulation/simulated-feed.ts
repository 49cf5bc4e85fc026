import type { Clock } from '../../../src/clock.ts'

interface Listener<T> {
  readonly clock: Clock
  readonly heard: (message: T, position: number) => void
  next: number
}

/**
 * Something outside of Kafka that numbers what it sends, from 0 on, and sends it again to who asks: what a source of a
 * simulated instance listens to. What is sent arrives by the listener's clock, so not on a dead machine, and late on a frozen
 * one.
 */
export class SimulatedFeed<T> {
  readonly #messages: T[] = []
  readonly #listeners = new Set<Listener<T>>()

  get messages(): readonly T[] {
    return this.#messages
  }

  send(message: T): void {
    this.#messages.push(message)
    for (const listener of this.#listeners) this.#deliver(listener)
  }

  /** From this position on, also what was sent before. Returns how to stop. */
  listen(from: number, { clock, heard }: Omit<Listener<T>, 'next'>): () => void {
    const listener = { clock, heard, next: from }
    this.#listeners.add(listener)
    this.#deliver(listener)
    return () => this.#listeners.delete(listener)
  }

  #deliver(listener: Listener<T>): void {
    listener.clock.scheduler.schedule(() => {
      for (; listener.next < this.#messages.length && this.#listeners.has(listener); listener.next++)
        listener.heard(this.#messages[listener.next] as T, listener.next)
    })
  }
}
