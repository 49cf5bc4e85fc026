// Devices → topic → files, with a source and a sink of one's own; kill it whenever you like, and start it again.
// Run it with: npx tsx pipelines/iot.ts
import { nullable, type Source, serdes, systemClock, type Topology, topic, topology } from 'rivulet'
import { type Connection, type Connector, program } from 'rivulet/app'
import { type Files, files } from './iot/file-sink.ts'
import { type Reading, readings } from './iot/reading.ts'
import { sensorReadings } from './iot/sensor-readings.ts'
import { simulatedHub } from './iot/simulated-hub.ts'

/** What a device sent and nobody can read; the reason is in the headers. */
export const unreadable = topic('readings-dead-letters', {
  key: nullable(serdes.bytes),
  value: serdes.string,
})

export function iot(sensors: Source<Reading>, print: (line: string) => void): Topology {
  return topology('iot', ({ source, stream }) => {
    source('sensors', sensors, {
      timestampMs: ({ timestampMs }) => timestampMs,
      deadLetters: unreadable.name,
    })
      .map('by device', (reading) => [reading.device, reading])
      .to(readings)

    stream(readings)
      .peek('show', ({ device, sequence, celsius }) => print(`${device} ${sequence}: ${celsius} °C`))
      .batch({ rowsMax: 1_000, waitMsMax: 2_000 })
      .to('readings to files', files('readings'))

    stream(unreadable).foreach('show unreadable', (text) => print(`unreadable: ${text}`))
  })
}

const inDataFolder: Connector<Record<never, never>, Files & Connection> = {
  settings: {},
  async open({ folder, logger }) {
    const out = folder('files')
    logger.info({ folder: out }, 'the readings go to files')
    return { folder: out, close: async () => {} }
  },
}

const devices = ['boiler', 'cellar']
const hub = simulatedHub({ devices, everyMs: 500, keptMax: 1_000, clock: systemClock })

export const house = program({
  name: 'iot',
  summary: 'Readings of invented devices, each once in a file.',
  connectors: { files: inDataFolder },
  topology: () => iot(sensorReadings(hub, devices), (line) => process.stdout.write(`${line}\n`)),
})

await house.main(import.meta.url)
