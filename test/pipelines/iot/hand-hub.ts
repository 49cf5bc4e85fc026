import type { SensorHub, SensorMessage } from '../../../pipelines/iot/sensor-hub.ts'
import { sensorReadings } from '../../../pipelines/iot/sensor-readings.ts'

interface Listener {
  isPaused: boolean
  next: number
  readonly heard: (message: SensorMessage) => void
  readonly broken: (why: Error) => void
}

/** A hub with one device, played by hand: what its readings say is their number. */
export class HandHub implements SensorHub {
  readonly #messages: SensorMessage[] = []
  readonly #listeners = new Set<Listener>()
  #number = 0

  readonly source = sensorReadings(this, ['boiler'])

  send(count: number): void {
    for (let i = 0; i < count; i++) this.#keep(JSON.stringify({ celsius: this.#number++, at: 1 }))
  }

  sendUndecodable(): void {
    this.#keep('{"cels')
  }

  breakConnection(): void {
    for (const { broken } of this.#listeners) broken(new Error('reset by peer'))
  }

  connections(): number {
    return this.#listeners.size
  }

  connect({ after, heard, broken }: Parameters<SensorHub['connect']>[0]) {
    const first = after.get('boiler') ?? -1
    const listener: Listener = { isPaused: true, next: first + 1, heard, broken }
    this.#listeners.add(listener)
    return {
      pause: (isPaused: boolean) => {
        listener.isPaused = isPaused
        this.#deliver()
      },
      close: () => void this.#listeners.delete(listener),
    }
  }

  #keep(text: string): void {
    this.#messages.push({ device: 'boiler', sequence: this.#messages.length, payload: Buffer.from(text) })
    this.#deliver()
  }

  #deliver(): void {
    for (const listener of this.#listeners) {
      while (!listener.isPaused && listener.next < this.#messages.length)
        listener.heard(this.#messages[listener.next++] as SensorMessage)
    }
  }
}
