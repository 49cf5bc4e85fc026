import type { SensorHub, SensorMessage } from '../../../pipelines/iot/sensor-hub.ts'
import { sensorReadings } from '../../../pipelines/iot/sensor-readings.ts'

interface Listener {
  isPaused: boolean
  /** How many of all messages it has been through. */
  passed: number
  /** For each device the last message that it knows. */
  readonly after: ReadonlyMap<string, number>
  readonly heard: (message: SensorMessage) => void
  readonly broken: (why: Error) => void
}

const devices = ['attic', 'boiler', 'cellar']

/** A hub whose devices send in turns, played by hand: what their readings say is which message of all it was. */
export class HandHub implements SensorHub {
  readonly #messages: SensorMessage[] = []
  readonly #listeners = new Set<Listener>()
  #number = 0

  readonly source = sensorReadings(this, devices)

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
    const listener: Listener = { isPaused: true, passed: 0, after, heard, broken }
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
    const count = this.#messages.length
    const device = devices[count % devices.length] as string
    const sequence = Math.floor(count / devices.length)
    this.#messages.push({ device, sequence, payload: Buffer.from(text) })
    this.#deliver()
  }

  #deliver(): void {
    for (const listener of this.#listeners) {
      while (!listener.isPaused && listener.passed < this.#messages.length) {
        const message = this.#messages[listener.passed++] as SensorMessage
        if (message.sequence > (listener.after.get(message.device) ?? -1)) listener.heard(message)
      }
    }
  }
}
