import { serdes, shape, topic } from 'rivulet'

const reading = shape({ device: 'string', sequence: 'number', celsius: 'number', timestampMs: 'number' })

/** Every reading once, keyed by its device, whose readings are numbered. */
export const readings = topic('readings', { key: serdes.string, value: reading })

export interface Reading {
  readonly device: string
  readonly sequence: number
  readonly celsius: number
  readonly timestampMs: number
}
