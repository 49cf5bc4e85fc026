import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { interval } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { program, type StartedProgram } from '../../src/app/program.ts'
import { silentLogger } from '../../src/logger.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { MemorySink } from '../support/memory-sink.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.long })
const sink = new MemorySink<string, number>()

const counting = program({
  name: 'counting',
  summary: 'Counts.',
  connectors: { memory: { settings: {}, open: async () => ({ close: async () => {} }) } },
  topology: topology('counting', ({ source, stream }) => {
    source('counted', interval(5))
      .map((value) => ['all', value])
      .to(numbers)
    stream(numbers).batch({ rowsMax: 1_000, waitMsMax: 100 }).to('to memory', sink)
  }),
})

let dataDir = ''
let started: StartedProgram
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'rivulet-monitoring-'))
  started = await counting.start({ args: ['--port', '0', '--data-dir', dataDir], logger: silentLogger })
})
afterAll(async () => {
  sink.release()
  await started.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const get = async (path: string) => (await fetch(new URL(path, started.url))).text()
const json = async (path: string) => JSON.parse(await get(path))
const metricOf = async (metric: string) =>
  Number(new RegExp(`^rivulet_${metric}{.*reader="to memory"} (.*)$`, 'm').exec(await get('/metrics'))?.[1])
const readerPart = async () =>
  (await json('/readyz')).parts.find((part: { kind: string }) => part.kind === 'reader')

describe('a sink that stops', () => {
  const seen = { timeout: 5_000, interval: 200 }

  test('is said within five seconds by the pipeline, the metrics and the probe; and that it catches up, afterwards', async () => {
    await expect.poll(readerPart, { timeout: 10_000 }).toMatchObject({ state: 'ready' })
    sink.hold()
    const stoppedMs = Date.now()
    await expect.poll(readerPart, seen).toMatchObject({
      state: 'behind',
      reason: expect.stringMatching(/^\d+ records are not processed, the first of them for \d+ s$/),
    })
    const [partition] = (await json('/api/pipeline')).partitions
    expect(partition.readers).toMatchObject([{ reader: 'to memory', catches_up_in_seconds: null }])
    expect(partition.lag).toBeGreaterThan(100)
    expect(partition.lag_seconds).toBeGreaterThan(2)
    expect(await metricOf('partition_lag_seconds')).toBeGreaterThan(2)
    expect(await metricOf('partition_lag_records')).toBeGreaterThan(100)
    expect(Date.now() - stoppedMs).toBeLessThan(6_000)
    sink.release()
    await expect.poll(readerPart, { timeout: 10_000 }).toMatchObject({ state: 'ready', reason: null })
  })
})

describe('what is shipped for Prometheus and Grafana', () => {
  const namesIn = (text: string) =>
    new Set(
      [...text.matchAll(/rivulet_[a-z_]*[a-z]/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, '')),
    )
  const known = async () => namesIn([...(await get('/metrics')).matchAll(/^# HELP .*$/gm)].join('\n'))

  test.each(['docs/monitoring/dashboard.json', 'docs/monitoring/alerts.yaml'])(
    '%s asks for metrics that are there',
    async (file) => {
      const asked = namesIn(readFileSync(file, 'utf8'))
      expect(asked.size).toBeGreaterThan(8)
      const there = await known()
      expect([...asked].filter((name) => !there.has(name))).toEqual([])
    },
  )

  test('the page about them names each, and no other', async () => {
    const named = namesIn(readFileSync('docs/monitoring.md', 'utf8'))
    expect([...named].sort()).toEqual([...(await known())].sort())
  })

  test('the dashboard has a title, a unit and a question for each panel', () => {
    const { panels } = JSON.parse(readFileSync('docs/monitoring/dashboard.json', 'utf8'))
    const charts = panels.filter(({ type }: { type: string }) => type !== 'row')
    expect(charts.length).toBeGreaterThan(15)
    for (const { title, targets, gridPos } of charts) {
      expect(title).toMatch(/\w/)
      expect(gridPos.w).toBeLessThanOrEqual(24)
      for (const { expr } of targets) expect(expr).toMatch(/^[^()]*(\(.*\))?[^()]*$/)
    }
  })

  test('each alert has an expression, a severity, and says what it is', () => {
    const [, ...alerts] = readFileSync('docs/monitoring/alerts.yaml', 'utf8').split('- alert: ')
    expect(alerts.length).toBeGreaterThan(8)
    for (const alert of alerts) {
      expect(alert).toMatch(/^Rivulet[A-Z]\w+\n/)
      for (const part of ['expr: ', 'severity: ', 'summary: '])
        expect([alert, alert.includes(part)]).toEqual([alert, true])
    }
  })
})
