import type { Clock } from 'rivulet'
import type { SensorHub, SensorMessage } from './sensor-hub.ts'

export interface SimulatedHubOptions {
  readonly devices: readonly string[]
  /** Each of them sends as often. */
  readonly everyMs: number
  /** How many messages of each are kept for those who were away. */
  readonly keptMax: number
  readonly clock: Clock
}

/** Devices whose messages follow from the time alone: who comes back later is told the same, without a memory. */
export function simulatedHub({ devices, everyMs, keptMax, clock }: SimulatedHubOptions): SensorHub {
  const newest = () => Math.floor(clock.now() / everyMs)
  return {
    connect({ after, heard }) {
      const oldest = newest() - keptMax
      const last = new Map(devices.map((device) => [device, Math.max(after.get(device) ?? newest(), oldest)]))
      let isPaused = true
      const deliver = () => {
        for (const device of devices) {
          for (let sequence = (last.get(device) ?? 0) + 1; !isPaused && sequence <= newest(); sequence++) {
            last.set(device, sequence)
            heard(messageOf(device, sequence, sequence * everyMs))
          }
        }
      }
      const timer = clock.scheduler.schedule(function () {
        deliver()
        this.schedule(undefined, everyMs)
      }, everyMs)
      return {
        pause(paused) {
          isPaused = paused
          deliver()
        },
        close: () => timer.unsubscribe(),
      }
    },
  }
}

/** Every tenth message of a boiler breaks off. */
function messageOf(device: string, sequence: number, at: number): SensorMessage {
  const celsius = Math.round(200 + 50 * Math.sin(sequence / 10)) / 10
  const text = JSON.stringify({ celsius, at })
  const isCut = device === 'boiler' && sequence % 10 === 0
  return { device, sequence, payload: Buffer.from(isCut ? text.slice(0, 12) : text) }
}
