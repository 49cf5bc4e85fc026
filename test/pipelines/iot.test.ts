import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NEVER } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Reading, readings } from '../../pipelines/iot/reading.ts'
import { iot, unreadable } from '../../pipelines/iot.ts'
import { TestDriver } from '../../src/testing/index.ts'
import { startProcess } from '../support/process.ts'

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

  test('has each reading once in its files, killed and started again', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-iot-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const start = () => startProcess('pipelines/iot.ts', ['--port', '0'], { DATA_DIR: folder })
    const killed = start()
    await killed.wrote('stdout', /(^cellar .*\n[\s\S]*?){6}/m) // some of it is in a file
    killed.signal('SIGKILL')
    await killed.ended
    const again = start()
    await again.wrote('stdout', /(^cellar .*\n[\s\S]*?){9}/m) // also what no file had, again
    again.signal('SIGINT')
    expect(await again.ended).toBe(0)
    expect(again.output.stderr).toContain('everything that was read is written')

    const cellar = sequencesIn(join(folder, 'iot', 'files'), 'cellar')
    const first = Math.min(...cellar)
    expect(cellar.length).toBeGreaterThan(8)
    expect(cellar.toSorted((a, b) => a - b)).toEqual(cellar.map((_, i) => first + i))
  })
})

function sequencesIn(folder: string, device: string): number[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => name.endsWith('.jsonl'))
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n').slice(1))
  const rows: Reading[] = lines.map((line) => JSON.parse(line))
  return rows.filter((row) => row.device === device).map(({ sequence }) => sequence)
}
