import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { HistoryAnswer } from '../../src/app/pipeline-history.ts'
import { servePipelinePage } from '../../src/app/pipeline-page.ts'
import type { Problem } from '../../src/app/problems.ts'
import { recordsApi } from '../../src/app/records-api.ts'
import { type ApiServer, serve } from '../../src/app/serve.ts'
import type { RecordAnswer, RecordQuestion, TopicRecords } from '../../src/app/topic-records.ts'
import { createWeb } from '../../src/app/web.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import type { PipelineStatus } from '../../src/runtime/pipeline-status.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { violationsOf } from '../support/accessibility.ts'
import { recordShifts } from '../support/layout-shifts.ts'
import { pipelineStatus, sinkStatus, sourceStatus } from '../support/pipeline-status.ts'
import { testBrowser } from '../support/test-browser.ts'

const markup = '<img src=x onerror=document.title="owned">'
const clicks = topic('clicks', { key: serdes.string, value: serdes.string })
const counted = topic('counted', { key: serdes.string, value: serdes.bigint })
const shop = topology('shop', ({ stream }) => {
  stream(clicks)
    .filter(`not empty ${markup}`, () => true)
    .groupByKey()
    .count('counts')
    .toStream()
    .mapValues('to number', (count) => BigInt(count ?? 0))
    .to(counted)
  stream(counted).foreach('told', () => {})
})

const time = '2026-01-31T12:00:00.000Z'
const progress = { committed: 90, lag: 10, lag_seconds: 0.5, catches_up_in_seconds: 2 }
const running: PipelineStatus = pipelineStatus({
  nodes: ['clicks', `not empty ${markup}`, 'counts'].map((name) => ({
    name,
    kind: 'step',
    rate: 12.5,
    total: 100,
  })),
  partitions: [
    {
      topic: 'clicks',
      partition: 0,
      end_offset: 100,
      as_of: time,
      ...progress,
      readers: [{ reader: 'clicks', ...progress }],
    },
  ],
  tasks: [
    {
      ...{
        task: 'clicks_0',
        sub_topology: 0,
        state: 'running',
        busy: 0.25,
        held_back: 0.5,
        stream_time: time,
      },
      restored: null,
      stores: [{ name: 'counts', entries: 7 }],
    },
  ],
  sinks: [
    sinkStatus({ name: markup, state: 'retrying', since: time, problem: markup, last_write_seconds: 0.25 }),
  ],
  sources: [sourceStatus({ rejected: [{ part: markup, reason: markup, since: time }] })],
  gaps: [{ source: 'feed', part: markup, from: '5', to: '9', records: 5, since: time, repaired: null }],
  late: [{ step: 'counts', window_start: time, window_end: time, records: 3 }],
  counters: { late: 3, dead_letters: 1 },
})

const problem: Problem = {
  kind: 'sink',
  name: 'to table',
  what: `It ${markup} is away.`,
  advice: 'Mend it.',
  since: time,
}

/** Ten moments, as they are now. */
function history(): HistoryAnswer {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const timestamps = Array.from({ length: 10 }, (_, i) => nowSeconds - 50 + i * 5)
  const column = timestamps.map((_, i) => i)
  return {
    interval_seconds: 5,
    timestamps,
    rates: { clicks: column, [markup]: column },
    lags: { clicks: column },
    lag_seconds: { clicks: column },
    counters: { late: column },
  }
}

/** A topic whose records are numbered: each answer has the next ones. */
class NumberedRecords implements Pick<TopicRecords, 'topics' | 'read'> {
  end = 30
  readonly questions: RecordQuestion[] = []

  async topics() {
    return [
      { name: 'clicks', purpose: 'input' as const, partitions: 1 },
      { name: 'clicks-dead-letters', purpose: 'dead letters' as const, partitions: 1 },
    ]
  }

  async read(question: RecordQuestion): Promise<RecordAnswer> {
    this.questions.push(question)
    const { start, recordsMax, topic: of } = question
    const end = of === 'clicks' ? this.end : 1
    const from =
      start.at === 'cursor'
        ? (start.cursor.get(0) ?? 0)
        : start.at === 'offset'
          ? start.offset
          : Math.max(0, end - recordsMax)
    const to = Math.min(end, from + recordsMax)
    const shown = (text: string) => ({ text, as: 'text' as const, bytes: text.length, cut: false })
    const headers = { topic: 'clicks', partition: '0', offset: '17', step: 'counts', reason: markup }
    const records = Array.from({ length: to - from }, (_, i) => ({
      ...{ partition: 0, offset: from + i, time, key: shown(`key ${from + i}`), value: shown(markup) },
      headers: Object.entries(headers).map(([name, value]) => ({ name, value: shown(value) })),
    }))
    return { records, cursor: new Map([[0, to]]), behind: end - to, deleted: 0 }
  }
}

const { cleanups, newContext } = testBrowser()

interface OpenOptions {
  readonly browser?: BrowserContextOptions
  readonly pipeline?: () => object
  readonly records?: NumberedRecords | undefined
  readonly script?: string
}

/** The page over a pipeline that a test makes up, its time standing still but for what passes. */
async function open({
  browser: options,
  pipeline = () => ({ ...running, problems: [] }),
  script,
  ...rest
}: OpenOptions = {}) {
  const records = 'records' in rest ? rest.records : new NumberedRecords()
  const web = createWeb({
    pipeline,
    history,
    ready: () => ({ ready: true }),
    metrics: async () => '',
    clock: systemClock,
    logger: silentLogger,
  })
  recordsApi(web, records)
  servePipelinePage(web, { topology: shop, identity: '' })
  const server: ApiServer = await serve(web, { host: '127.0.0.1', port: 0 })
  cleanups.push(() => server.close({ drainMs: 0 }))
  const context = await newContext(options)
  const page = await context.newPage()
  const messages: string[] = []
  let rounds = 0
  page.on('console', (message) => messages.push(message.text()))
  page.on('pageerror', (error) => messages.push(error.message))
  page.on('response', (response) => {
    if (new URL(response.url()).pathname === '/api/pipeline/history') rounds++
  })
  await page.clock.install({ time: Date.now() })
  if (script) await page.addInitScript(script)
  await page.goto(server.url)
  await page.locator('.chart canvas').nth(3).waitFor()
  await eventually(() => page.locator('#tasks tr').count()).toBe(1)
  return { page, server, messages, rounds: () => rounds }
}

const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000 })
const textOf = async (locator: Locator) => (await locator.allInnerTexts()).join('\n')
const widthOf = (page: Page) => page.evaluate('document.documentElement.scrollWidth')

describe('the page of a pipeline', () => {
  test.each([
    ['light', 360],
    ['dark', 1280],
  ] as const)('keeps out nobody, in %s at %d pixels', async (colorScheme, width) => {
    const { page } = await open({
      browser: { colorScheme, viewport: { width, height: 900 } },
      pipeline: () => ({ ...running, problems: [problem] }),
    })
    expect(await violationsOf(page)).toEqual([])
  })

  test.each(['light', 'dark'] as const)(
    'shows all of it in %s, names with markup as text',
    async (colorScheme) => {
      const { page, messages } = await open({
        browser: { colorScheme },
        pipeline: () => ({ ...running, problems: [problem] }),
      })
      expect(await textOf(page.locator('#problem-list'))).toMatch(
        /^It <img src=x onerror=document\.title="owned"> is away\.\s+Since .*12:00:00.*Mend it\.$/,
      )
      expect(await page.locator('#no-problems').isVisible()).toBe(false)
      expect(await page.locator('.node-name').allInnerTexts()).toContain(`not empty ${markup}`)
      expect(await textOf(page.locator('.edge-rate'))).toContain('13/s')
      expect(await textOf(page.locator('#tasks'))).toMatch(
        /clicks_0\s+running\s+25 % · 50 % · 25 %\s+.*12:00:00/,
      )
      expect(await textOf(page.locator('#tasks'))).toContain('counts: 7')
      expect(await textOf(page.locator('#sinks'))).toContain(markup)
      expect(await textOf(page.locator('#sources'))).toContain(`${markup}: ${markup}`)
      expect(await textOf(page.locator('#readers'))).toMatch(
        /clicks\/0\s+clicks\s+100\s+90\s+10\s+500 ms\s+2\.0 s/,
      )
      expect(await textOf(page.locator('#gaps'))).toMatch(/feed\s+.*\s+5\s+9\s+5\s+.*\s+not yet/)
      expect(await textOf(page.locator('#late'))).toMatch(/counts\s+.*12:00:00\s+.*12:00:00\s+3/)
      expect(await textOf(page.locator('#letters'))).toContain('clicks/0:17')
      expect(await page.title()).toBe('shop · Pipeline · Rivulet')
      expect(messages).toEqual([])
    },
  )

  test('is where a program without a page of its own leads, and loads files that may be kept for ever', async () => {
    const { page, server } = await open()
    expect(new URL(page.url()).pathname).toBe('/pipeline')
    expect(await page.getByRole('link', { name: "Program's page" }).isVisible()).toBe(false)
    const answer = await fetch(new URL('/pipeline', server.url))
    const html = await answer.text()
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=|(src|href)="(https?:)?\/\//)
    for (const [, path = ''] of html.matchAll(/<(?:link|script|img)[^>]* (?:href|src)="(\/[^"]+)"/g)) {
      const { status, headers } = await fetch(new URL(path, server.url))
      expect([path, status, headers.get('cache-control')]).toEqual([
        path,
        200,
        'public, max-age=31536000, immutable',
      ])
    }
  })

  test.each([360, 768, 1280, 2560])(
    'does not scroll sideways at %i px, and has targets of 24 px',
    async (width) => {
      const { page } = await open({
        browser: { viewport: { width, height: 800 } },
        pipeline: () => ({ ...running, problems: [problem] }),
      })
      await page.getByRole('button', { name: 'Read' }).click()
      await page.locator('#tail-records tr').first().waitFor()
      expect(await widthOf(page)).toBe(width)
      const tooSmall = await page.evaluate(`
      [...document.querySelectorAll('button, select, input:not([type=radio]), .segments label')]
        .filter((node) => node.checkVisibility())
        .filter((node) => node.getBoundingClientRect().width < 24 || node.getBoundingClientRect().height < 24)
        .map((node) => node.outerHTML)
    `)
      expect(tooSmall).toEqual([])
    },
  )

  test('moves nothing on a refresh, nor when the first problem comes', async () => {
    let problems: readonly Problem[] = []
    const opened = await open({
      browser: { viewport: { width: 1280, height: 1600 } },
      pipeline: () => ({
        ...running,
        tasks: running.tasks.map((task) => ({ ...task, busy: Math.random() / 2 })),
        problems,
      }),
      script: recordShifts,
    })
    const { page, rounds } = opened
    await page.screenshot()
    await page.evaluate('takeShifts()')
    for (let round = 0; round < 5; round++) {
      const before = rounds()
      if (round === 2) problems = [problem]
      await page.clock.runFor(2_000)
      await eventually(rounds).toBeGreaterThan(before)
    }
    await eventually(() => page.locator('#problem-list li').count()).toBe(1)
    await page.screenshot()
    expect(await page.evaluate('takeShifts()')).toEqual([])
  })

  test('has a name for each region, and reaches its controls by the keyboard', async () => {
    const { page } = await open()
    for (const name of [
      'What is wrong',
      /^Topology/,
      /^Tasks/,
      'Sinks',
      /^Partitions/,
      /^The last hour/,
      /^Gaps/,
      'Records',
    ])
      expect(await page.getByRole('region', { name, exact: true }).count()).toBeGreaterThan(0)
    const seen: unknown[] = []
    for (let i = 0; i < 7; i++) {
      await page.keyboard.press('Tab')
      seen.push(
        await page.evaluate(
          'document.activeElement.id || document.activeElement.name || document.activeElement.className',
        ),
      )
    }
    expect(seen).toEqual(['skip', 'theme', 'refresh-every', 'refresh', 'topology', 'range', 'plot'])
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    expect(await page.locator('.reading-time').allInnerTexts()).not.toContain('')
    expect(await textOf(page.locator('.chart').nth(1).locator('.readings'))).toContain('8')
    await page.keyboard.press('Escape')
    expect(await page.locator('.reading-time').allInnerTexts()).toEqual(['', '', '', ''])
  })
})

describe('the charts of the last hour', () => {
  test('tell their points in words and as a table, of the time chosen', async () => {
    const { page } = await open()
    const chart = page.locator('.chart').nth(1)
    await eventually(() => textOf(chart.locator('.summary'))).toMatch(
      /^clicks: first 0 at .*, last 9 at .*, lowest 0 at .*, highest 9 at /,
    )
    await chart.getByText('Points').click()
    await eventually(() => chart.locator('tbody tr').count()).toBe(10)
    expect(await chart.locator('thead th').allInnerTexts()).toEqual(['Time', 'clicks'])
    expect((await chart.locator('tbody td').allInnerTexts()).slice(0, 2)).toEqual(['9', '8'])
  })

  test('have the colours of the theme that is chosen, which the address holds and links hand on', async () => {
    const { page } = await open({
      browser: { colorScheme: 'light' },
      script: `
        globalThis.inks = []
        const fillText = CanvasRenderingContext2D.prototype.fillText
        CanvasRenderingContext2D.prototype.fillText = function (...text) {
          inks.push(this.fillStyle)
          return fillText.call(this, ...text)
        }
      `,
    })
    const inks = () => page.evaluate('[...new Set(inks.splice(0))]')
    expect(await inks()).toEqual(['#586273'])
    await page.getByLabel('Theme').selectOption('dark')
    await eventually(inks).toEqual(['#929db0'])
    expect(new URL(page.url()).search).toBe('?theme=dark')
    expect(await page.locator('.controls a').getAttribute('href')).toMatch(/\/\?theme=dark$/)
    await page.reload()
    await page.locator('.chart canvas').nth(3).waitFor()
    expect(await inks()).toEqual(['#929db0'])
    expect(await page.getByLabel('Theme').inputValue()).toBe('dark')
  })
})

describe('the records of a topic', () => {
  const places = (page: Page) => page.locator('#tail-records th').allInnerTexts()

  test('come on from where the last answer ended, and a pause loses none', async () => {
    const records = new NumberedRecords()
    const { page } = await open({ records })
    await page.getByRole('button', { name: 'Read' }).click()
    await eventually(async () => (await places(page))[0]).toBe('0:29')
    records.end = 32
    await page.clock.runFor(1_000)
    await eventually(async () => (await places(page))[0]).toBe('0:31')
    await page.getByRole('button', { name: 'Pause' }).click()
    records.end = 500
    const asked = records.questions.length
    await page.clock.runFor(10_000)
    expect(records.questions.length - asked).toBeLessThanOrEqual(1)
    expect((await places(page))[0]).toBe('0:31')
    await page.getByRole('button', { name: 'Continue' }).click()
    await eventually(async () => (await places(page)).length).toBe(500)
    expect((await places(page))[0]).toBe('0:499')
    records.end = 520
    await page.clock.runFor(1_000)
    await eventually(() => textOf(page.locator('#tail-state'))).toContain(
      'the oldest 20 are not kept here any more',
    )
  })

  test('are filtered, and looked for by their offset, also from a dead letter', async () => {
    const { page } = await open()
    await page.getByRole('button', { name: 'Read' }).click()
    await eventually(async () => (await places(page)).length).toBe(30)
    await page.getByLabel('Filter').fill('key 12')
    expect(await places(page)).toEqual(['0:12'])
    await page.getByRole('button', { name: 'Original at clicks/0:17' }).click()
    await eventually(async () => (await places(page)).at(-1)).toBe('0:17')
    expect(await page.evaluate('document.activeElement.id')).toBe('tail')
  })

  test('are not there where they must not be, and it is said how they could be', async () => {
    const { page } = await open({ records: undefined })
    await eventually(() => textOf(page.locator('#tail-state'))).toContain('SHOW_RECORDS')
    expect(await page.getByRole('button', { name: 'Read' }).isVisible()).toBe(false)
  })
})
