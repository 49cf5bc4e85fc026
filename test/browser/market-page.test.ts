import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { PipelineStatus } from '../../src/runtime/pipeline-status.ts'
import { violationsOf } from '../support/accessibility.ts'
import { FakeMarketQueries } from '../support/fake-market-queries.ts'
import { recordShifts } from '../support/layout-shifts.ts'
import {
  cleanups,
  eventually,
  market,
  open,
  recordTexts,
  setHidden,
  shownRounds,
  statusText,
  textOf,
} from '../support/market-page.ts'
import { emptyPipeline, seedTrades, serveFake, withSource } from '../support/market-server.ts'

/** The colours of the lines that are drawn, as CSS has them, into `strokes`: a line is a path that is no grid. */
const recordStrokes = `
  globalThis.strokes = []
  const stroke = CanvasRenderingContext2D.prototype.stroke
  CanvasRenderingContext2D.prototype.stroke = function (path) {
    const [red, green, blue] = this.strokeStyle.match(/[0-9a-f]{2}/g).map((hex) => Number.parseInt(hex, 16))
    if (path) strokes.push('rgb(' + [red, green, blue].join(', ') + ')')
    return path ? stroke.call(this, path) : stroke.call(this)
  }
`

/** Of the colours in `strokes`, against the panel that they are on. Source: WCAG 2, "contrast ratio". */
function contrastsOfLines(page: Page): Promise<number[]> {
  return page.evaluate(`
    const luminance = (colour) => {
      const [red, green, blue] = colour.match(/\\d+/g).map((level) => {
        const share = level / 255
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const panel = luminance(getComputedStyle(document.querySelector('.panel')).backgroundColor)
    const contrastOf = (line) => (Math.max(line, panel) + 0.05) / (Math.min(line, panel) + 0.05);
    [...new Set(strokes)].map((colour) => contrastOf(luminance(colour)))
  `)
}

describe('what is shown', () => {
  test.each(['light', 'dark'] as const)(
    'shows the market in %s, lines at 3:1, without a word on the console',
    async (colorScheme) => {
      const opened = await open({ browser: { colorScheme }, script: recordStrokes })
      const { page, messages } = opened
      await page.locator('.chart canvas').nth(4).waitFor()
      await shownRounds(opened, 1)
      expect(await page.locator('.card-symbol').allInnerTexts()).toEqual(['BTC', 'ETH', 'SOL', 'XRP', 'DOGE'])
      expect(await page.locator('#recent tr').count()).toBe(20)
      expect(await page.locator('#stats tr').count()).toBe(5)
      expect(await textOf(page.locator('#figures'))).toContain('Trades stored\n300')
      expect(await statusText(page)).toMatch(
        /Simulated market\s+Connected\s+Last update \d\d:\d\d:\d\d\s+Newest trade \d s ago/,
      )
      await page.getByRole('radio', { name: 'All in one' }).check()
      await page.locator('.chart canvas').waitFor()
      expect(await page.locator('.readings span.reading-symbol').allInnerTexts()).toHaveLength(5)
      const contrasts = await contrastsOfLines(page)
      expect(contrasts).toHaveLength(6)
      expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(3)
      expect(messages).toEqual([])
    },
  )

  test.each([
    ['light', 1280, ''],
    ['dark', 360, ''],
    ['dark', 1280, '?layout=one&kind=candles'],
    ['light', 360, '?layout=all'],
  ] as const)('keeps out nobody, in %s at %d pixels, as /%s', async (colorScheme, width, path) => {
    const opened = await open({ path, browser: { colorScheme, viewport: { width, height: 900 } } })
    await opened.page.locator('.chart canvas').first().waitFor()
    await shownRounds(opened, 1)
    // It waits for timers of the page.
    await opened.page.clock.resume()
    expect(await violationsOf(opened.page)).toEqual([])
  })

  test('writes each price with the digits of its market', async () => {
    const queries = new FakeMarketQueries().add(
      { symbol: 'BTC', price: 77_300, timestampUs: Date.now() * 1000 },
      { symbol: 'DOGE', price: 0.0973, timestampUs: Date.now() * 1000 },
      { symbol: 'SHIB', price: 0.00001234, timestampUs: Date.now() * 1000 },
    )
    const opened = await open({ queries })
    await shownRounds(opened, 1)
    await eventually(() => opened.page.locator('.card-price').allInnerTexts()).toEqual([
      '77,300.00',
      '0.09730',
      '0.00001234',
    ])
  })

  test('shows names with markup in them as text', async () => {
    const name = '<img src=x onerror=document.title="owned">'
    const queries = new FakeMarketQueries().add({ symbol: name, price: 1, timestampUs: Date.now() * 1000 })
    const opened = await open({
      queries,
      market: { kind: 'replayed', label: `Replay of ${name}`, identity: 'crypto/replayed-1' },
    })
    const { page, messages } = opened
    await page.locator('.chart canvas').waitFor()
    expect(await textOf(page.locator('.card-symbol'))).toBe(name)
    expect(await textOf(page.locator('#recent th'))).toBe(name)
    expect(await textOf(page.locator('#stats th'))).toBe(name)
    expect(await textOf(page.locator('.chart-name'))).toBe(name)
    expect(await statusText(page)).toContain(`Replay of ${name}`)
    expect(await page.title()).toBe('Crypto · Rivulet')
    expect(messages).toEqual([])
  })

  test('says what to do when there are no trades, and shows the first one when it comes', async () => {
    const opened = await open({ queries: new FakeMarketQueries() })
    const { page, queries, pass } = opened
    await shownRounds(opened, 1)
    expect(await textOf(page.locator('#notice'))).toContain('No trades yet')
    queries.add({ symbol: 'BTC', price: 5, timestampUs: Date.now() * 1000 })
    await pass(2_000)
    await page.locator('.card-price').waitFor()
    expect(await page.locator('#notice').isVisible()).toBe(false)
  })

  test('says that Coinbase is unreachable, and how to look around meanwhile', async () => {
    let pipeline: PipelineStatus = withSource({ state: 'waiting' })
    const opened = await open({ pipeline: () => pipeline })
    const { page, pass } = opened
    await shownRounds(opened, 1)
    expect(await statusText(page)).toContain('Coinbase unreachable')
    expect(await textOf(page.locator('#notice'))).toContain('--simulate')
    pipeline = emptyPipeline
    await pass(2_000)
    await eventually(() => statusText(page)).toContain('Connected')
    expect(await page.locator('#notice').isVisible()).toBe(false)
  })

  test('shows what the exchange rejected, and goes on with the rest', async () => {
    const problem = 'YFI-USD: <b>delisted</b>'
    const opened = await open({ pipeline: () => withSource({ problem }) })
    await shownRounds(opened, 1)
    expect(await textOf(opened.page.locator('#notice'))).toBe(problem)
    expect(await statusText(opened.page)).toContain('Connected')
  })

  test('says when another instance has the connection, as it does not know how that is', async () => {
    const opened = await open({ pipeline: () => withSource({ state: 'elsewhere', owner: 'crypto-1@other' }) })
    await shownRounds(opened, 1)
    expect(await statusText(opened.page)).toContain('Another instance reads Coinbase')
    expect(await opened.page.locator('#notice').isVisible()).toBe(false)
  })

  describe('how old what is shown is', () => {
    const hourMs = 3_600_000
    /** A market whose newest trade is an hour old, but for one of ETH: that one is as old as given. */
    function hourOld(ageMs: number): FakeMarketQueries {
      const queries = new FakeMarketQueries()
      seedTrades(queries, { endMs: Date.now() - hourMs, minutes: 10, perMinute: 2 })
      return queries.add({ symbol: 'ETH', price: 1_800, timestampUs: (Date.now() - ageMs) * 1000 })
    }
    const lagging = {
      ...emptyPipeline,
      partitions: emptyPipeline.partitions.map((at) => ({ ...at, lag: 990_000 })),
    }

    test('makes the market live, quiet, behind, recovering or unreachable', async () => {
      const queries = hourOld(50 * 60_000)
      let pipeline: PipelineStatus = emptyPipeline
      const opened = await open({ queries, pipeline: () => pipeline })
      const { page, pass } = opened
      await shownRounds(opened, 1)
      await page.getByRole('radio', { name: '5 min' }).check()
      const isSaid = async (now: PipelineStatus, state: string, text: string) => {
        pipeline = now
        await pass(2_000)
        await eventually(() => page.locator('#connection').getAttribute('data-state')).toBe(state)
        expect(await statusText(page)).toContain(text)
      }
      const inPlaceOfCharts = page.locator('#charts-empty')
      await isSaid(emptyPipeline, 'quiet', 'Quiet')
      expect(await textOf(inPlaceOfCharts)).toMatch(
        /^No trades in this time. The newest one that is stored is of/,
      )
      await isSaid(lagging, 'behind', 'Behind')
      expect(await textOf(inPlaceOfCharts)).toMatch(/^Behind: .*, 50 min ago; 990,000 are on their way\.$/)
      await isSaid(withSource({ state: 'recovering' }), 'recovering', 'Fetching what was missed')
      queries.add({ symbol: 'BTC', price: 5, timestampUs: Date.now() * 1000 })
      await isSaid(lagging, 'live', 'Connected')
      expect(await inPlaceOfCharts.isVisible()).toBe(false)
      await isSaid(withSource({ state: 'waiting' }), 'away', 'Coinbase unreachable')
    })

    test('is said of the newest trade, and goes on growing when nothing comes any more', async () => {
      const opened = await open({ queries: hourOld(50 * 60_000), pipeline: () => lagging })
      const { page, server, pass } = opened
      await shownRounds(opened, 1)
      expect(await statusText(page)).toContain('Newest trade 50 min ago, 990,000 more on their way')
      await server.close({ drainMs: 0 })
      await pass(60_000)
      expect(await statusText(page)).toContain('Newest trade 51 min ago')
    })

    test('is said on the cards of quiet symbols, and of those only', async () => {
      const opened = await open({ queries: hourOld(1_000) })
      await shownRounds(opened, 1)
      const traded = await opened.page.locator('.card-traded').allInnerTexts()
      expect(traded[0]).toMatch(/^Quiet since \d\d:\d\d:\d\d$/)
      expect(traded[1]).toMatch(/^Traded \d\d:\d\d:\d\d$/)
    })

    test('is no matter of now in a replayed market', async () => {
      const queries = new FakeMarketQueries()
      seedTrades(queries, { endMs: Date.parse('2026-07-07T12:00:00Z'), minutes: 10, perMinute: 2 })
      const opened = await open({
        queries,
        market: { kind: 'replayed', label: 'Replay', identity: 'crypto/replayed-1' },
      })
      await shownRounds(opened, 1)
      expect(await statusText(opened.page)).toContain('Connected')
      expect(await statusText(opened.page)).toContain('Newest trade Jul 7, 11:59:59')
      expect(await textOf(opened.page.locator('.card-change'))).toContain('since 11:50')
    })
  })

  test('says what figures cover, and volumes in both currencies', async () => {
    const queries = new FakeMarketQueries()
    const nowMs = Date.now()
    const at = (minutesAgo: number) => (nowMs - minutesAgo * 60_000) * 1000
    queries.add(
      { symbol: 'BTC', price: 60_000, volume: 1, timestampUs: at(2_000) },
      { symbol: 'BTC', price: 60_000, volume: 0.5, timestampUs: at(59) },
      { symbol: 'BTC', price: 61_200, volume: 0.5, timestampUs: at(0) },
      { symbol: 'ETH', price: 2_000, volume: 3, timestampUs: at(30) },
    )
    const opened = await open({ queries })
    const { page } = opened
    await shownRounds(opened, 1)
    const since = new Date(nowMs - 30 * 60_000).toISOString().slice(11, 16)
    const texts = (name: string) => page.locator(`.card-${name}`).allInnerTexts()
    expect(await texts('cover')).toEqual(['Volume 24 h', `Volume since ${since}`])
    expect(await texts('volume')).toEqual(['1 BTC', '3 ETH'])
    expect(await texts('turnover')).toEqual(['60.6K USD', '6K USD'])
    expect(await texts('change')).toEqual(['▲ +2.00% 1 h', `0.00% since ${since}`])
    expect(await textOf(page.locator('#stats-cover'))).toBe('last 24 h')
    expect(await page.locator('#stats td:nth-of-type(4)').allInnerTexts()).toEqual(['1 BTC', '3 ETH'])
    expect(await page.getByRole('meter', { name: 'BTC between low and high, 24 h' }).count()).toBe(1)
  })

  test.each([
    [360, 'crypto'],
    [360, 'stocks'],
    [1280, 'crypto'],
    [2560, 'crypto'],
  ] as const)('does not scroll sideways at %i px on %s, and has targets of 24 px', async (width, program) => {
    const queries = market().add({
      symbol: 'AVERYLONGSYMBOLNAMEOFTHIRTYTWOXX',
      price: 123_456_789.12,
      volume: 987_654_321.1,
      timestampUs: Date.now() * 1000,
    })
    const label = 'Replay of a-recording-with-a-rather-long-name-2026-07-07.jsonl'
    const opened = await open({
      queries,
      page: program,
      market: { kind: 'replayed', label, identity: 'crypto/replayed-1' },
      browser: { viewport: { width, height: 800 } },
    })
    await shownRounds(opened, 1)
    await opened.page.locator('.chart').first().scrollIntoViewIfNeeded()
    await opened.page.locator('.chart canvas').first().waitFor()
    for (const layout of ['One each', 'All in one']) {
      await opened.page.getByRole('radio', { name: layout }).check()
      expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const beyond = await opened.page.evaluate(`
        [...document.querySelectorAll('body *')]
          .filter((node) => !node.closest('.u-over, .hidden') && node.getBoundingClientRect().right > innerWidth + 0.5)
          .map((node) => node.tagName + '.' + node.className)
      `)
      expect(beyond).toEqual([])
    }
    const tooSmall = await opened.page.evaluate(`
      [...document.querySelectorAll('button:not([hidden]), select:not([hidden]), .segments label')].filter((node) => {
        const { width, height } = node.getBoundingClientRect()
        return width < 24 || height < 24
      }).length
    `)
    expect(tooSmall).toBe(0)
  })

  test('moves next to nothing while it is loaded, and nothing on a refresh or a notice, with all of it in sight', async () => {
    let pipeline: PipelineStatus = emptyPipeline
    const opened = await open({
      pipeline: () => pipeline,
      browser: { viewport: { width: 1280, height: 1600 } },
      script: recordShifts,
    })
    const { page, queries, pass } = opened
    await page.locator('.chart canvas').nth(4).waitFor()
    await shownRounds(opened, 1)
    await page.screenshot()
    const loading = (await page.evaluate('takeShifts()')) as { value: number }[]
    expect(loading.reduce((sum, { value }) => sum + value, 0)).toBeLessThan(0.05)
    const heightOf = () => page.evaluate('document.documentElement.scrollHeight')
    const height = await heightOf()
    for (let round = 2; round <= 11; round++) {
      const timestampUs = Date.now() * 1000
      queries.add(
        { symbol: 'BTC', price: 63_000 + round * 10.01, volume: round, timestampUs },
        { symbol: 'DOGE', price: 0.0975 + round / 1e5, volume: 10 ** (round / 2), timestampUs },
      )
      await pass(2_000)
      await shownRounds(opened, round)
    }
    expect(await heightOf()).toBe(height)
    pipeline = withSource({ problem: 'YFI-USD: delisted' })
    await pass(2_000)
    await shownRounds(opened, 12)
    expect(await page.locator('#notice').isVisible()).toBe(true)
    // A picture is taken of a frame that was laid out.
    await page.screenshot()
    expect(await page.evaluate('takeShifts()')).toEqual([])
  })
})

describe('how it asks', () => {
  test('asks every two seconds on the crypto page and every five on the stock page, as the control says', async () => {
    for (const [path, everyMs, choices] of [
      ['crypto', 2_000, ['Off', '1 s', '2 s', '5 s']],
      ['stocks', 5_000, ['Off', '2 s', '5 s', '10 s']],
    ] as const) {
      const opened = await open({ page: path })
      const { page, pass, rounds } = opened
      await shownRounds(opened, 1)
      const control = page.getByLabel('Refresh every')
      expect(await control.locator('option').allInnerTexts()).toEqual(choices)
      expect(await textOf(control.locator('option:checked'))).toBe(`${everyMs / 1000} s`)
      await pass(everyMs - 100)
      expect(rounds()).toBe(1)
      await pass(100)
      await shownRounds(opened, 2)
    }
  })

  test('asks for what is new only, and gets 304 for what is not', async () => {
    const opened = await open()
    const { page, requests, pass, queries } = opened
    const statuses: number[] = []
    page.on('response', (response) => statuses.push(response.status()))
    await shownRounds(opened, 1)
    await pass(2_000)
    await shownRounds(opened, 2)
    statuses.length = 0
    requests.length = 0
    await pass(2_000)
    await shownRounds(opened, 3)
    expect(requests).toEqual(['/api/market?limit=20&minutes=60&points=600&since=0-300'])
    expect(statuses).toEqual([304])
    queries.add({ symbol: 'BTC', price: 70_123.45, timestampUs: Date.now() * 1000 })
    await pass(2_000)
    await eventually(() => textOf(page.locator('.card-price').first())).toBe('70,123.45')
    expect(await textOf(page.locator('.readings b').first())).toBe('70,123.45')
  })

  test('takes little of the main thread for a refresh, and draws nothing that is out of sight, but tells it', async () => {
    const queries = market(60)
    for (let i = 0; i < 40; i++)
      queries.add({ symbol: `S${i}`, price: 5, timestampUs: (Date.now() - 5_000) * 1000 })
    const opened = await open({ queries, browser: { viewport: { width: 1280, height: 900 } } })
    const { page, pass } = opened
    await shownRounds(opened, 1)
    expect(await page.locator('.chart').count()).toBe(45)
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable')
    const measured = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      const count = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0
      return { taskMs: 1000 * count('TaskDuration'), styles: count('RecalcStyleCount') }
    }
    const spentMs: number[] = []
    const styles: number[] = []
    for (let round = 2; round <= 11; round++) {
      for (const symbol of ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE'])
        queries.add({ symbol, price: 5 + round, timestampUs: Date.now() * 1000 })
      queries.add({ symbol: 'S9', price: 5 + round, timestampUs: Date.now() * 1000 })
      const before = await measured()
      await pass(2_000)
      await shownRounds(opened, round)
      const after = await measured()
      spentMs.push(after.taskMs - before.taskMs)
      styles.push(after.styles - before.styles)
    }
    expect(await page.locator('.chart canvas').count()).toBeLessThan(15)
    // A few tens where nothing else runs; the bound is for a machine that is busy.
    expect(spentMs.sort((a, b) => a - b)[5]).toBeLessThan(150)
    // One for the frame, and few beside it: who paints text, or begins an animation, between two changes has them all found again.
    expect(styles.sort((a, b) => a - b)[5]).toBeLessThan(7)
    expect(await textOf(page.locator('#summary-S9'))).toMatch(/^S9: first 5\.00 at .*, last 16\.00 at /)
  })

  test('loads everything anew when its cursor is not of this market any more', async () => {
    const opened = await open()
    const { page, queries, pass, requests } = opened
    await shownRounds(opened, 1)
    queries.clear().add({ symbol: 'NEW', price: 3, timestampUs: Date.now() * 1000 })
    await pass(2_000)
    await eventually(() => page.locator('.chart-name').allInnerTexts()).toEqual(['NEW'])
    expect(requests.filter((request) => !/since=|candles/.test(request))).toEqual([
      '/api/products',
      '/api/market?limit=20&minutes=60&points=600',
      '/api/market?limit=20&minutes=60&points=600',
    ])
    expect(await page.locator('.card-symbol').allInnerTexts()).toEqual(['NEW'])
    expect(await page.locator('#recent tr').count()).toBe(1)
  })

  test('has one request under way at most, however slow the server and impatient the reader', async () => {
    const opened = await open()
    const { page, queries, pass, underWay, rounds } = opened
    await shownRounds(opened, 1)
    let release = () => {}
    queries.gate = new Promise((resolve) => {
      release = resolve
    })
    await pass(2_000)
    await eventually(() => underWay.now).toBe(1)
    for (let i = 0; i < 5; i++) await page.getByRole('button', { name: 'Refresh' }).click()
    await pass(12_000)
    expect(rounds()).toBe(2)
    queries.gate = null
    release()
    // The reader's wish is met once, right after.
    await shownRounds(opened, 3)
    expect(rounds()).toBe(3)
    expect(underWay.most).toBe(1)
  })

  test('asks nothing while the tab is hidden, and at once when it is shown', async () => {
    const opened = await open()
    const { page, pass, requests, rounds } = opened
    await shownRounds(opened, 1)
    await setHidden(page, true)
    const before = requests.length
    await pass(30_000)
    expect(requests.length).toBe(before)
    await setHidden(page, false)
    await shownRounds(opened, 2)
    expect(rounds()).toBe(2)
    await pass(2_000)
    await shownRounds(opened, 3)
  })

  test('gives up the request that is under way when the tab is hidden, and shows no failure', async () => {
    const opened = await open()
    const { page, queries, pass, underWay, rounds } = opened
    await shownRounds(opened, 1)
    let release = () => {}
    queries.gate = new Promise((resolve) => {
      release = resolve
    })
    await pass(2_000)
    await eventually(() => underWay.now).toBe(1)
    const givenUp = page.waitForEvent('requestfailed')
    await setHidden(page, true)
    expect((await givenUp).url()).toContain('/api/market')
    expect(await statusText(page)).toContain('Connected')
    queries.gate = null
    release()
    await setHidden(page, false)
    await shownRounds(opened, 2)
    expect(rounds()).toBe(3)
  })

  test('asks only when it is told to when the control says Off', async () => {
    const opened = await open()
    const { page, pass, requests, rounds } = opened
    await shownRounds(opened, 1)
    await page.getByLabel('Refresh every').selectOption('Off')
    const before = requests.length
    await page.evaluate(`dispatchEvent(new Event('online'))`)
    await pass(60_000)
    expect(requests.length).toBe(before)
    await page.getByRole('button', { name: 'Refresh' }).click()
    await shownRounds(opened, 2)
    await pass(60_000)
    expect(rounds()).toBe(2)
    await page.getByLabel('Refresh every').selectOption('1 s')
    await pass(1_000)
    await shownRounds(opened, 3)
  })

  test('asks less often while the server is away, says so, keeps what it has, and recovers by itself', async () => {
    const opened = await open()
    const { page, server, queries, pass, rounds, underWay } = opened
    await shownRounds(opened, 1)
    const price = await textOf(page.locator('.card-price').first())
    await server.close({ drainMs: 0 })
    await pass(2_000)
    await eventually(() => statusText(page)).toContain('Server unreachable')
    const before = rounds()
    for (let second = 0; second < 60; second++) {
      await pass(1_000)
      await eventually(() => underWay.now).toBe(0)
    }
    // Every second would be sixty, every two thirty.
    expect(rounds() - before).toBeGreaterThanOrEqual(5)
    expect(rounds() - before).toBeLessThanOrEqual(14)
    expect(await textOf(page.locator('.card-price').first())).toBe(price)
    const back = await serveFake(queries, { port: server.port })
    cleanups.push(() => back.close({ drainMs: 0 }))
    await pass(13_000)
    await eventually(() => statusText(page)).toContain('Connected')
    const recovered = rounds()
    await pass(2_000)
    await eventually(() => rounds()).toBe(recovered + 1)
  })

  test('says that the database is unreachable when that is so', async () => {
    const opened = await open()
    const { page, queries, pass } = opened
    await shownRounds(opened, 1)
    queries.away()
    await pass(2_000)
    await eventually(() => statusText(page)).toContain('Database unreachable')
    queries.back()
    await pass(13_000)
    await eventually(() => statusText(page)).toContain('Connected')
  })

  test('begins anew when a market of another seed answers at its address', async () => {
    const other = {
      kind: 'simulated',
      label: 'Simulated market, seed 8',
      identity: 'crypto/simulated-8',
    } as const
    const opened = await open()
    const { page, server, pass } = opened
    await shownRounds(opened, 1)
    await server.close({ drainMs: 0 })
    const queries = new FakeMarketQueries().add({ symbol: 'NEW', price: 3, timestampUs: Date.now() * 1000 })
    const successor = await serveFake(queries, { port: server.port, market: other })
    cleanups.push(() => successor.close({ drainMs: 0 }))
    await pass(2_000)
    await eventually(() => statusText(page).catch(() => '')).toContain(other.label)
    await eventually(() => page.locator('.chart-name').allInnerTexts()).toEqual(['NEW'])
  })
})

describe('the charts', () => {
  test('say the same price as the cards, though trades come while a round is under way', async () => {
    const opened = await open()
    const { page, queries, pass } = opened
    await shownRounds(opened, 1)
    queries.add({ symbol: 'BTC', price: 1_000.01, timestampUs: (Date.now() + 2_000) * 1000 })
    const count = queries.count.bind(queries)
    queries.count = (symbols) => {
      queries.count = count
      queries.add({ symbol: 'BTC', price: 2_000.02, timestampUs: (Date.now() + 3_000) * 1000 })
      return count(symbols)
    }
    await pass(2_000)
    await shownRounds(opened, 2)
    await eventually(() => textOf(page.locator('.card-price'))).toBe('2,000.02')
    expect(await textOf(page.locator('.readings b'))).toBe('2,000.02')
  })

  test('load the time chosen at once', async () => {
    const opened = await open()
    const { page, requests } = opened
    await shownRounds(opened, 1)
    await page.getByRole('radio', { name: '5 min' }).check()
    await shownRounds(opened, 2)
    expect(requests.at(-1)).toBe('/api/market?limit=20&minutes=5&points=600')
    await eventually(() => textOf(page.locator('.card-change').first())).toContain('5 min')
  })

  test('ask for the time that is zoomed to once, and keep it over refreshes until it is reset', async () => {
    const opened = await open({ browser: { viewport: { width: 1280, height: 900 } } })
    const { page, queries, requests, pass } = opened
    await shownRounds(opened, 1)
    const plot = page.locator('.u-over').first()
    const box = (await plot.boundingBox())!
    await page.mouse.move(box.x + box.width * 0.86, box.y + 40)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.92, box.y + 40, { steps: 4 })
    const answered = page.waitForResponse('**/api/history?*')
    await page.mouse.up()
    await answered
    const reset = page.getByRole('button', { name: 'Reset zoom' })
    await reset.waitFor()
    await shownRounds(opened, 2)
    const details = () => requests.filter((request) => request.startsWith('/api/history'))
    expect(details()).toEqual([
      expect.stringMatching(/^\/api\/history\?from=\d{13}&to=\d{13}&points=600&format=columns$/),
    ])
    await page.mouse.move(box.x + 5, box.y + 40)
    // The trades are of the last ten minutes: unzoomed, the left of the chart reads as the first of them.
    const readingAtLeft = page.locator('.reading-time').first()
    const zoomed = await textOf(readingAtLeft)
    for (let i = 1; i <= 3; i++) {
      const next = opened.roundsEnded() + 1
      queries.add({ symbol: 'BTC', price: 63_000 + i, timestampUs: Date.now() * 1000 })
      await pass(2_000)
      await shownRounds(opened, next)
    }
    expect(await textOf(readingAtLeft)).toBe(zoomed)
    expect(details()).toHaveLength(1)
    await reset.click()
    expect(await reset.isVisible()).toBe(false)
    await page.mouse.move(box.x + 5, box.y + 40)
    expect(await textOf(readingAtLeft)).not.toBe(zoomed)
  })

  test('go to what is older by a key and by the wheel, ask for it, and come back', async () => {
    const queries = new FakeMarketQueries()
    const nowMs = Date.now()
    for (let minutesAgo = 120; minutesAgo >= 0; minutesAgo--)
      queries.add({
        symbol: 'BTC',
        price: 1_000 - minutesAgo,
        timestampUs: (nowMs - minutesAgo * 60_000) * 1000,
      })
    const opened = await open({ queries, browser: { viewport: { width: 1280, height: 900 } } })
    const { page } = opened
    await shownRounds(opened, 1)
    const box = (await page.locator('.u-over').boundingBox())!
    // Not at the edge: where a minute begins meanwhile, the first point is not of the last hour any more.
    await page.mouse.move(box.x + (box.width * 2.5) / 60, box.y + 40)
    const price = () => textOf(page.locator('.readings b'))
    expect(await price()).toBe('942.00')
    const chart = page.getByRole('img', { name: 'Price of BTC over time' })
    await chart.press('ArrowLeft')
    await eventually(price).toBe('930.00')
    await page.mouse.wheel(-250, 0)
    // Half of an hour on.
    await eventually(price).toBe('900.00')
    expect(await page.evaluate('scrollY')).toBe(0)
    await chart.press('Escape')
    await eventually(price).toBe('942.00')
    expect(await page.getByRole('button', { name: 'Reset zoom' }).isVisible()).toBe(false)
  })

  test('have one colour for a symbol in the line and in the legend, whoever trades later', async () => {
    const queries = new FakeMarketQueries()
    const trade = (symbol: string, secondsAgo: number) =>
      queries.add({ symbol, price: 100 - secondsAgo, timestampUs: (Date.now() - secondsAgo * 1000) * 1000 })
    for (const secondsAgo of [30, 20]) for (const symbol of ['ETH', 'SOL']) trade(symbol, secondsAgo)
    const opened = await open({ queries, script: recordStrokes })
    const { page, pass } = opened
    await shownRounds(opened, 1)
    await page.getByRole('radio', { name: 'All in one' }).check()
    for (const secondsAgo of [10, 5]) trade('BTC', secondsAgo)
    await page.evaluate('strokes.length = 0')
    await pass(2_000)
    await shownRounds(opened, 2)
    const marks = await page.evaluate(`
      [...document.querySelectorAll('.readings i')].map((mark) => getComputedStyle(mark).backgroundColor)
    `)
    expect(marks).toHaveLength(3)
    expect(await page.evaluate('[...new Set(strokes)]')).toEqual(marks)
  })

  test('have no line where a symbol was not traded for long, and shade where none was', async () => {
    const queries = new FakeMarketQueries()
    const nowMs = Date.now()
    for (let secondsAgo = 3_590; secondsAgo >= 0; secondsAgo -= 10) {
      const minutesAgo = secondsAgo / 60
      const timestampUs = (nowMs - secondsAgo * 1000) * 1000
      if (minutesAgo > 30 || minutesAgo < 20) queries.add({ symbol: 'BTC', price: 5, timestampUs })
      if (minutesAgo > 45 || minutesAgo < 10) queries.add({ symbol: 'ETH', price: 5, timestampUs })
    }
    const opened = await open({ queries, script: recordTexts })
    const { page } = opened
    await shownRounds(opened, 1)
    const lines = (minutesAgo: number) =>
      page.evaluate(`
        [...document.querySelectorAll('.chart')].map((chart) => {
          const canvas = chart.querySelector('canvas')
          const [frame, over] = [canvas, chart.querySelector('.u-over')].map((node) => node.getBoundingClientRect())
          const x = over.left - frame.left + over.width * (1 - ${minutesAgo} / 60)
          const { data } = canvas.getContext('2d').getImageData(Math.round(x), 0, 1, over.height)
          const accent = getComputedStyle(document.documentElement).getPropertyValue('--accent').match(/\\d+/g)
          const isLine = (at) => accent.every((level, i) => Math.abs(data[at + i] - Number(level)) < 40)
          return Array.from({ length: data.length / 4 }, (_, pixel) => isLine(pixel * 4)).includes(true)
        })
      `)
    expect(await lines(50)).toEqual([true, true])
    expect(await lines(37)).toEqual([true, false])
    expect(await lines(25)).toEqual([false, false])
    expect(await lines(15)).toEqual([true, false])
    expect(await lines(5)).toEqual([true, true])
    expect(await page.evaluate(`texts.includes('no trades')`)).toBe(true)
  })
})

describe('a cursor that rests on a chart', () => {
  const pageOptions = { viewport: { width: 1280, height: 900 } }
  const reading = (page: Page) => textOf(page.locator('figcaption'))

  /** `count` trades of BTC, one a second; the last one `endMs` after now. */
  function everySecond(queries: FakeMarketQueries, count: number, endMs: number): void {
    const newestMs = Date.now() + endMs
    for (let i = 0; i < count; i++) {
      const timestampUs = (newestMs - (count - 1 - i) * 1_000) * 1000
      // Of one length always: a longer one at the axis would move the plot away from under the mouse.
      const price = 1_000 + (Math.round(timestampUs / 1e6) % 9_000)
      queries.add({ symbol: 'BTC', price, timestampUs })
    }
  }

  /** What a reader who moves it away and back would see. */
  async function movedAnew(page: Page, x: number, y: number): Promise<string> {
    await page.mouse.move(x - 40, y)
    await page.mouse.move(x, y)
    return reading(page)
  }

  test.each([
    ['that is trimmed', async () => {}],
    [
      'that is zoomed',
      async (page: Page, { x, y, width }: { x: number; y: number; width: number }) => {
        await page.mouse.move(x + width * 0.7, y + 50)
        await page.mouse.down()
        await page.mouse.move(x + width - 3, y + 50, { steps: 3 })
        const detail = page.waitForResponse('**/api/history?*')
        await page.mouse.up()
        await detail
      },
    ],
  ])('reads what lies under it, over refreshes of a chart %s', async (_, prepare) => {
    const queries = new FakeMarketQueries()
    everySecond(queries, 300, 0)
    const opened = await open({ queries, browser: pageOptions })
    const { page, pass, messages } = opened
    await shownRounds(opened, 1)
    await page.getByRole('radio', { name: '5 min' }).check()
    await shownRounds(opened, 2)
    const box = (await page.locator('.u-over').boundingBox())!
    await prepare(page, box)
    const [x, y] = [box.x + box.width - 2, box.y + 60]
    await page.mouse.move(x, y, { steps: 2 })
    await shownRounds(opened, opened.roundsEnded())
    for (let minute = 1; minute <= 3; minute++) {
      const next = opened.roundsEnded() + 1
      everySecond(queries, 1, minute * 60_000)
      await pass(2_000)
      await shownRounds(opened, next)
      const read = await reading(page)
      expect(read).toMatch(/\d\d:\d\d:\d\d/)
      expect(await movedAnew(page, x, y)).toBe(read)
    }
    expect(await statusText(page)).toContain('Connected')
    expect(messages).toEqual([])
  })

  test('survives that a chart is loaded anew with fewer points, and that another time is chosen', async () => {
    const queries = new FakeMarketQueries()
    everySecond(queries, 600, 0)
    const opened = await open({ queries, browser: pageOptions })
    const { page, pass, messages } = opened
    await shownRounds(opened, 1)
    const box = (await page.locator('.u-over').boundingBox())!
    await page.mouse.move(box.x + box.width - 2, box.y + 60, { steps: 2 })
    everySecond(queries, 2_500, 2_500_000)
    for (let round = 2; round <= 3; round++) {
      await pass(2_000)
      await shownRounds(opened, round)
    }
    await page.getByRole('radio', { name: '5 min' }).dispatchEvent('click')
    await shownRounds(opened, 4)
    expect(await statusText(page)).toContain('Connected')
    // A chart is drawn with the next frame.
    await expect.poll(() => reading(page)).toMatch(/\d\d:\d\d:\d\d/)
    expect(messages).toEqual([])
  })
})

test('charts stand until another time that is chosen is loaded, also while a round of the one before is under way', async () => {
  const opened = await open()
  const { page, queries, pass, rounds } = opened
  await page.locator('.chart canvas').first().waitFor()
  await shownRounds(opened, 1)
  await page.evaluate(`document.querySelector('.chart').isSame = true`)
  let release = () => {}
  queries.gate = new Promise((resolve) => {
    release = resolve
  })
  await pass(2_000)
  await eventually(rounds).toBe(2)
  await page.getByRole('radio', { name: '5 min' }).check()
  release()
  queries.gate = null
  await shownRounds(opened, 3)
  expect(await page.evaluate(`document.querySelector('.chart').isSame`)).toBe(true)
})

describe('a fault of the page itself', () => {
  test('in drawing is said as one, on the console too, and the rest of the page goes on', async () => {
    const opened = await open()
    const { page, queries, pass, messages } = opened
    await page.locator('.chart canvas').nth(4).waitFor()
    await shownRounds(opened, 1)
    await page.evaluate(`CanvasRenderingContext2D.prototype.clearRect = () => { throw new Error('no ink') }`)
    queries.add({ symbol: 'BTC', price: 70_123.45, timestampUs: Date.now() * 1000 })
    await pass(2_000)
    await eventually(() => textOf(page.locator('.card-price'))).toBe('70,123.45')
    expect(await textOf(page.locator('#notice'))).toContain("The charts can't be shown (no ink)")
    expect(await statusText(page)).toContain('Connected')
    expect(messages).toContainEqual(expect.stringContaining('no ink'))
  })

  test('about what it does not understand is said, and the rest of the page is shown', async () => {
    const queries = market()
    const latest = queries.latest.bind(queries)
    queries.latest = async (symbols) =>
      (await latest(symbols)).map((row) => ({ ...row, last_update: 'never' }))
    const opened = await open({ queries })
    const { page } = opened
    await page.locator('.chart canvas').nth(4).waitFor()
    await shownRounds(opened, 1)
    expect(await textOf(page.locator('#notice'))).toContain("The prices can't be shown")
    expect(await statusText(page)).toContain('Connected')
    expect(await page.locator('#recent tr').count()).toBe(20)
  })

  test('that is a file of the charts which does not come leaves the figures', async () => {
    const opened = await open({ without: '/charts.js' })
    const { page } = opened
    await shownRounds(opened, 1)
    await eventually(() => page.locator('.card-symbol').count()).toBe(5)
    expect(await textOf(page.locator('#notice'))).toContain("The charts can't be shown")
  })

  test('that is a file which does not come is said in place of the connection', async () => {
    const { page } = await open({ without: '/format.js' })
    await eventually(() => statusText(page)).toContain("This page can't be started")
  })

  test('is none where the browser names a language that is none', async () => {
    const opened = await open({
      script: `Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix' })`,
    })
    const { page, messages } = opened
    await page.locator('.chart canvas').nth(4).waitFor()
    await shownRounds(opened, 1)
    expect(await statusText(page)).toContain('Connected')
    expect(messages).toEqual([])
  })
})

describe('for everybody', () => {
  test('reaches every control by the keyboard, in order, and shows where one is', async () => {
    const opened = await open()
    const { page } = opened
    await shownRounds(opened, 1)
    const seen: unknown[] = []
    for (let i = 0; i < 14; i++) {
      await page.keyboard.press('Tab')
      seen.push(
        await page.evaluate(`
          const node = document.activeElement
          const shown = node.matches('input') ? node.nextElementSibling : node;
          [node.id || node.name || node.className || node.textContent, getComputedStyle(shown).outlineStyle !== 'none'].join(' ')
        `),
      )
    }
    expect(seen).toEqual([
      'skip true',
      'Pipeline true',
      'theme true',
      'refresh-every true',
      'refresh true',
      ...Array.from({ length: 5 }, () => 'choose true'),
      'layout true',
      'kind true',
      'range true',
      'plot true',
    ])
  })

  test('has a heading, a name for each region and chart, and the status said', async () => {
    const opened = await open()
    const { page } = opened
    await page.locator('.chart canvas').first().waitFor()
    expect(await textOf(page.getByRole('heading', { level: 1 }))).toContain('Rivulet')
    for (const name of ['Prices', 'Price history', /Price statistics/, 'Recent trades']) {
      expect(await page.getByRole('region', { name }).count()).toBe(1)
    }
    const chart = page.getByRole('img', { name: 'Price of BTC over time' })
    const described = (await chart.getAttribute('aria-describedby'))!
    expect(await page.locator(`[id="${described}"]`).textContent()).toMatch(
      /^BTC: first [\d,.]+ at [\d:]+, last [\d,.]+ at [\d:]+, lowest .+, highest .+\.$/,
    )
    const points = page.getByRole('region', { name: 'Points of BTC' })
    await page.getByText('Points of BTC').press('Enter')
    await eventually(() => points.getByRole('row').count()).toBe(61)
    expect(await points.getByRole('columnheader').allInnerTexts()).toEqual(['Time', 'BTC'])
    expect(await textOf(points.getByRole('cell'))).toBe(await textOf(page.locator('.card-price')))
  })
})
