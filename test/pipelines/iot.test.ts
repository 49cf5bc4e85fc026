import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { readings } from '../../pipelines/iot/reading.ts'
import { iot, unreadable } from '../../pipelines/iot.ts'
import { TestDriver } from '../../src/testing/index.ts'
import { interruptExample } from './interrupt-example.ts'

describe('the example of a source and a sink of one’s own', () => {
  test('takes readings by their devices, at their own times, to the topic and to the files', () => {
    const lines: string[] = []
    const driver = new TestDriver(iot(NEVER, (line) => lines.push(line)))
    const reading = { device: 'boiler', sequence: 7, celsius: 71.5, timestampMs: 1_000 }
    driver.emit('sensors', reading)
    const record = { key: 'boiler', value: reading, timestampMs: 1_000 }
    expect(driver.read(readings)).toMatchObject([record])
    expect(driver.read('readings to files')).toMatchObject([record])
    expect(lines).toEqual(['boiler 7: 71.5 °C'])
  })

  test('shows what could not be read', () => {
    const lines: string[] = []
    const driver = new TestDriver(iot(NEVER, (line) => lines.push(line)))
    driver.pipe(unreadable, { key: null, value: '{"cels', timestampMs: 1 })
    expect(lines).toEqual(['unreadable: {"cels'])
  })

  test('runs with one command, and drains on Ctrl-C', { timeout: 60_000 }, () =>
    interruptExample('iot', /^boiler \d+: [\d.]+ °C$/m),
  )
})
