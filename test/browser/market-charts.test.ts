import type { CDPSession, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { FakeMarketQueries } from '../support/fake-market-queries.ts'
import {
  eventually,
  market,
  type Opened,
  open,
  recordTexts,
  shownRounds,
  textOf,
} from '../support/market-page.ts'

const wide = { viewport: { width: 1280, height: 900 } }
const minuteMs = 60_000

/** A trade of BTC a minute in the last two hours, the price being how many minutes it is ago. */
function everyMinute(): FakeMarketQueries {
  const queries = new FakeMarketQueries()
  const nowMs = Date.now()
  for (let minutesAgo = 120; minutesAgo >= 0; minutesAgo--)
    queries.add({
      symbol: 'BTC',
      price: 1_000 - minutesAgo,
      timestampUs: (nowMs - minutesAgo * minuteMs) * 1000,
    })
  return queries
}

async function chosen(page: Page): Promise<Record<string, string>> {
  const search = (await page.evaluate('location.search')) as string
  return Object.fromEntries(new URLSearchParams(search))
}

/** Where the plot of the first chart is on the screen. */
const plotBox = async (page: Page) => (await page.locator('.u-over').first().boundingBox())!

describe('candles', () => {
  test('are drawn of the interval chosen, grow with what is new, and are read at the cursor', async () => {
    const hourMs = Math.floor(Date.now() / 3_600_000) * 3_600_000
    const queries = new FakeMarketQueries()
    const trade = (minute: number, price: number) =>
      queries.add({
        symbol: 'BTC',
        price,
        volume: 2,
        timestampUs: (hourMs - 3_600_000 + minute * minuteMs) * 1000,
      })
    for (const [minute, price] of [
      [30, 10],
      [31, 14],
      [32, 8],
      [34, 12],
      [40, 11],
    ] as const)
      trade(minute, price)
    const opened = await open({ queries, browser: wide, path: '?range=360' })
    const { page, requests, pass, messages } = opened
    await shownRounds(opened, 1)
    await page.getByRole('radio', { name: 'Candles' }).check()
    await shownRounds(opened, 2)
    const candles = () => requests.filter((request) => request.startsWith('/api/candles'))
    expect(candles().at(-1)).toMatch(/^\/api\/candles\?from=\d{13}&interval=60&points=1500&format=columns$/)
    await page.getByLabel('Length of a candle').selectOption('5 min')
    await shownRounds(opened, 3)
    expect(candles().at(-1)).toContain('interval=300')
    await page.getByText('Points of BTC').press('Enter')
    const rows = async () =>
      (await page.getByRole('region', { name: 'Points of BTC' }).getByRole('row').allInnerTexts()).map(
        (row) => row.split('\t').slice(1).join(' '),
      )
    await eventually(rows).toEqual([
      'Open High Low Close Volume',
      '11.00 11.00 11.00 11.00 2 BTC',
      '10.00 14.00 8.00 12.00 8 BTC',
    ])
    trade(41, 9)
    await pass(2_000)
    await shownRounds(opened, 4)
    await eventually(async () => (await rows())[1]).toBe('11.00 11.00 9.00 9.00 4 BTC')
    expect(candles().at(-1)).toMatch(/^\/api\/candles\?from=\d{13}&interval=300&format=columns$/)
    const box = await plotBox(page)
    await page.mouse.move(box.x + box.width - 2, box.y + 20)
    const tooltip = page.locator('.tooltip')
    expect(await tooltip.locator('dt').allInnerTexts()).toEqual(['Open', 'High', 'Low', 'Close', 'Volume'])
    expect(await tooltip.locator('dd').allInnerTexts()).toEqual(['11.00', '11.00', '9.00', '9.00', '4 BTC'])
    expect(await textOf(tooltip.locator('.tooltip-time'))).toMatch(/^\w+ \d+, \d{4}, \d\d:\d\d:\d\d UTC$/)
    expect(messages).toEqual([])
  })

  test('are asked for anew of a time that is panned to, and not while they cover it', async () => {
    const opened = await open({ queries: everyMinute(), browser: wide, path: '?kind=candles' })
    const { page, requests } = opened
    await shownRounds(opened, 1)
    const chart = page.getByRole('img', { name: 'Price of BTC over time' })
    const candles = () => requests.filter((request) => request.startsWith('/api/candles'))
    await chart.press('+')
    await shownRounds(opened, 2)
    // What is loaded goes on.
    expect(candles().filter((request) => request.includes('points'))).toHaveLength(1)
    for (let i = 0; i < 8; i++) await chart.press('ArrowLeft')
    await eventually(() => candles().filter((request) => request.includes('points')).length).toBeGreaterThan(
      1,
    )
    await eventually(() => page.locator('.summary').textContent()).toMatch(/first 8\d\d\.00/)
  })
})

test('a symbol that is quiet keeps its chart, at the price that stands, and one trade is a point', async () => {
  const queries = everyMinute().add({
    symbol: 'ETH',
    price: 1_800,
    timestampUs: (Date.now() - 100 * minuteMs) * 1000,
  })
  const opened = await open({ queries, browser: wide })
  const { page } = opened
  await shownRounds(opened, 1)
  await eventually(() => page.locator('.chart-name').allInnerTexts()).toEqual(['BTC', 'ETH'])
  expect(await page.locator('.readings b').allInnerTexts()).toEqual(['1,000.00', '1,800.00'])
  expect(await page.locator('.summary').nth(1).textContent()).toMatch(/^ETH: no trades from/)
})

test('says in a chart when the feed was away, and what was fetched later, of its symbol', async () => {
  const nowS = Date.now() / 1000
  const outages = [
    { kind: 'away', symbol: null, from: nowS - 2_400, to: nowS - 1_200 },
    { kind: 'backfilled', symbol: 'BTC', from: nowS - 2_400, to: nowS - 1_200 },
  ] as const
  const opened = await open({
    browser: wide,
    path: '?layout=one&symbol=BTC',
    script: recordTexts,
    outages: () => outages,
  })
  const { page } = opened
  await page.locator('.chart canvas').waitFor()
  await shownRounds(opened, 1)
  const drawn = () => page.evaluate(`[...new Set(texts)].filter((text) => /^f/.test(text)).sort()`)
  await eventually(drawn).toEqual(['feed away', 'fetched later'])
  await page.evaluate('texts.length = 0')
  await page.getByRole('button', { name: 'ETH' }).click()
  await eventually(drawn).toEqual(['feed away'])
})

test('has the volume below a line, of bars that suit the time, asked for now and then', async () => {
  const opened = await open({
    queries: everyMinute(),
    browser: wide,
    path: '?layout=one',
    script: `
      globalThis.bars = 0
      const fillRect = CanvasRenderingContext2D.prototype.fillRect
      CanvasRenderingContext2D.prototype.fillRect = function (...place) {
        if (Math.abs(this.globalAlpha - 0.45) < 0.01) bars++
        return fillRect.call(this, ...place)
      }
    `,
  })
  const { page, requests, pass } = opened
  const candles = () => requests.filter((request) => request.startsWith('/api/candles'))
  await shownRounds(opened, 1)
  await eventually(() => page.evaluate('bars')).toBeGreaterThan(50)
  expect(candles()).toEqual([expect.stringContaining('interval=60&points=')])
  for (const round of [2, 3]) {
    await pass(2_000)
    await shownRounds(opened, round)
  }
  expect(candles()).toHaveLength(1)
  await pass(10_000)
  await eventually(() => candles().length).toBe(2)
  await page.getByRole('radio', { name: '24 h' }).check()
  await eventually(candles).toContainEqual(expect.stringContaining('interval=900&points='))
})

test('shades an outage that is under way up to now, and goes on with it', async () => {
  const startedS = Math.floor(Date.now() / 1000)
  const outages = [{ kind: 'away', symbol: null, from: startedS - 60, to: null }] as const
  const queries = new FakeMarketQueries()
  for (let i = 0; i < 240; i++)
    queries.add({ symbol: 'BTC', price: 5, timestampUs: (startedS - 60 - i) * 1e6 })
  const opened = await open({
    queries,
    ...{ browser: wide, path: '?layout=one&range=5', script: recordTexts, outages: () => outages },
  })
  const { page, pass } = opened
  await shownRounds(opened, 1)
  await eventually(() => page.evaluate(`texts.includes('feed away')`)).toBe(true)
  await page.evaluate('texts.length = 0')
  // Nothing else is new: it is the time that goes on.
  await eventually(async () => {
    await pass(2_000)
    return page.evaluate(`texts.includes('feed away')`)
  }).toBe(true)
  const readings = page.locator('.reading-time')
  const box = await plotBox(page)
  await page.mouse.move(box.x + box.width - 1, box.y + 20)
  const ageS = (shown: string) => {
    const [h = 0, m = 0, s = 0] = shown.split(':').map(Number)
    const now = new Date((startedS + 3) * 1000)
    return (
      now.getUTCHours() * 3_600 + now.getUTCMinutes() * 60 + now.getUTCSeconds() - (h * 3_600 + m * 60 + s)
    )
  }
  expect(ageS(await textOf(readings))).toBeLessThan(10)
})

test.each([
  ['line', /^BTC: first 7\.00 at .+ lowest 7\.00/],
  ['candles', /^BTC: first 7\.00 at .+ lowest 1\.00/],
])(
  'shows what the exchange tells of the time before as such, as a %s, and more when there is more',
  async (kind, sentence) => {
    const startMs = Math.floor(Date.now() / minuteMs) * minuteMs
    const minutes = Array.from({ length: 50 }, (_, i) => ({
      startMs: startMs - (50 - i) * minuteMs,
      open: 2,
      high: 9,
      low: 1,
      close: 7,
      volume: 1,
    }))
    const past = { version: 0, symbols: ['BTC'], minutesOf: () => (past.version === 0 ? [] : minutes) }
    const queries = new FakeMarketQueries().add({ symbol: 'BTC', price: 8, timestampUs: Date.now() * 1000 })
    const opened = await open({ queries, past, browser: wide, path: `?kind=${kind}`, script: recordTexts })
    const { page, pass } = opened
    await page.locator('.chart canvas').waitFor()
    await shownRounds(opened, 1)
    expect(await page.evaluate(`texts.includes("exchange's candles")`)).toBe(false)
    past.version = 1
    for (const round of [2, 3]) {
      await pass(2_000)
      await shownRounds(opened, round)
    }
    await eventually(() => page.evaluate(`texts.includes("exchange's candles")`)).toBe(true)
    await eventually(() => page.locator('.summary').textContent()).toMatch(sentence)
    expect(await textOf(page.locator('.card-cover'))).toMatch(/^Volume since/)
    expect(await textOf(page.locator('.card-volume'))).toBe('51 BTC')
  },
)

describe('the address', () => {
  test('holds what is chosen, and a page that is opened with it shows the same', async () => {
    const queries = market()
    const first = await open({ queries, browser: wide })
    const { page } = first
    await shownRounds(first, 1)
    expect(await chosen(page)).toEqual({})
    await page.getByRole('radio', { name: '6 h' }).check()
    await page.getByRole('radio', { name: 'Candles' }).check()
    await page.getByLabel('Theme').selectOption('Dark')
    await page.getByRole('button', { name: 'ETH' }).click()
    await page.getByRole('img', { name: 'Price of ETH over time' }).press('+')
    await eventually(() => chosen(page)).toEqual({
      range: '360',
      layout: 'one',
      kind: 'candles',
      theme: 'dark',
      symbol: 'ETH',
      zoom: expect.stringMatching(/^\d{13}-\d{13}$/),
    })
    const search = (await page.evaluate('location.search')) as string
    const second = await open({ queries, browser: wide, path: search })
    await shownRounds(second, 1)
    await eventually(() => second.page.locator('.chart-name').allInnerTexts()).toEqual(['ETH'])
    expect(await chosen(second.page)).toEqual(await chosen(page))
    expect(await second.page.getByRole('radio', { checked: true }).count()).toBe(3)
    expect(await second.page.getByRole('button', { name: 'Reset zoom' }).isVisible()).toBe(true)
    expect(await second.page.title()).toMatch(/^1,[\d,.]+ ETH · Rivulet$/)
    expect(await second.page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe(
      'rgb(13, 16, 21)',
    )
  })

  test('of a wall shows prices and charts, and nothing to choose', async () => {
    const opened = await open({ path: '?kiosk&range=nonsense&zoom=9-1', browser: wide })
    const { page } = opened
    await page.locator('.chart canvas').first().waitFor()
    await shownRounds(opened, 1)
    expect(await page.getByRole('radio').or(page.getByRole('combobox')).count()).toBe(0)
    expect(await page.locator('.card-price').first().isVisible()).toBe(true)
    expect(await page.evaluate('location.search')).toBe('?kiosk')
  })
})

test.each(['light', 'dark'])('a theme that is chosen is that of the canvases, too: %s', async (theme) => {
  const opened = await open({ browser: { ...wide, colorScheme: theme === 'dark' ? 'light' : 'dark' } })
  const { page } = opened
  await page.locator('.chart canvas').first().waitFor()
  await shownRounds(opened, 1)
  const ink = () =>
    page.evaluate(`
      const canvas = document.querySelector('.chart canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      const accent = { light: '31,99,214', dark: '91,156,255' }
      const colours = new Set()
      for (let at = 0; at < data.length; at += 4) colours.add([...data.slice(at, at + 3)].join());
      ['light', 'dark'].filter((name) => colours.has(accent[name]))
    `)
  await page.getByLabel('Theme').selectOption(theme)
  await eventually(ink).toEqual([theme])
})

describe('all in one', () => {
  test('hides a line by its entry in the legend, by a key, too, and shows it again', async () => {
    const opened = await open({ browser: wide, path: '?layout=all' })
    const { page } = opened
    await shownRounds(opened, 1)
    const entry = page.getByRole('button', { name: /^ETH [+-]/ })
    await entry.click()
    expect(await entry.getAttribute('aria-pressed')).toBe('false')
    const box = await plotBox(page)
    const names = async () => {
      await page.mouse.move(box.x + box.width - 9, box.y + 20)
      await page.mouse.move(box.x + box.width - 5, box.y + 20)
      return page.locator('.tooltip dt').allInnerTexts()
    }
    expect(await names()).toEqual(['BTC', 'SOL', 'XRP', 'DOGE'])
    await entry.press('Enter')
    expect(await entry.getAttribute('aria-pressed')).toBe('true')
    expect(await names()).toEqual(['BTC', 'ETH', 'SOL', 'XRP', 'DOGE'])
  })

  test('tells changes since the left edge, wherever it is moved to', async () => {
    const opened = await open({ queries: everyMinute(), browser: wide, path: '?layout=all' })
    const { page } = opened
    await shownRounds(opened, 1)
    const newest = () => textOf(page.locator('.readings b'))
    // 1,000 after 940.
    await eventually(newest).toBe('+6.38%')
    const chart = page.getByRole('img', { name: 'Price of All symbols over time' })
    for (let i = 0; i < 3; i++) await chart.press('+')
    // The last 1/1.5³ of an hour: since the 17th minute.
    await eventually(newest).toBe('+1.83%')
  })
})

describe('fingers', () => {
  const phone = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true }

  /** Puts fingers where they are given, moves them to further places, and lifts them. */
  async function move(session: CDPSession, ...places: readonly (readonly (readonly [number, number])[])[]) {
    const points = (at: (typeof places)[number]) => at.map(([x, y], id) => ({ x, y, id }))
    const [first = [], ...rest] = places
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(first) })
    for (const place of rest)
      await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points(place) })
    return () => session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  }

  async function touched(): Promise<
    Opened & { session: CDPSession; x: (share: number) => number; y: number }
  > {
    const opened = await open({ queries: everyMinute(), browser: phone })
    const { page } = opened
    await page.locator('.chart canvas').first().waitFor()
    await shownRounds(opened, 1)
    await page.locator('.chart').scrollIntoViewIfNeeded()
    const box = await plotBox(page)
    const session = await page.context().newCDPSession(page)
    return { ...opened, session, x: (share) => box.x + share * box.width, y: box.y + 60 }
  }

  /** Minutes of what is looked at, and how many minutes ago it ends. */
  async function seen(page: Page): Promise<{ minutes: number; endsAgo: number } | null> {
    const [, min, max] = /^(\d+)-(\d+)$/.exec((await chosen(page)).zoom ?? '') ?? []
    if (min === undefined) return null
    const nowMs = Number(await page.evaluate('Date.now()'))
    return {
      minutes: Math.round((Number(max) - Number(min)) / minuteMs),
      endsAgo: Math.round((nowMs - Number(max)) / minuteMs),
    }
  }

  test('drag to what is older, and two of them stretch and drag', async () => {
    const { page, session, x, y } = await touched()
    const lift = await move(session, [[x(0.3), y]], [[x(0.4), y]], [[x(0.8), y]])
    await eventually(() => seen(page)).toEqual({ minutes: 60, endsAgo: 30 })
    await lift()
    const liftBoth = await move(
      session,
      [
        [x(0.4), y],
        [x(0.6), y],
      ],
      [
        [x(0.3), y],
        [x(0.7), y],
      ],
      [
        [x(0.2), y],
        [x(0.8), y],
      ],
    )
    await eventually(() => seen(page)).toEqual({ minutes: 20, endsAgo: 50 })
    await liftBoth()
    expect(await page.evaluate('visualViewport.scale')).toBe(1)
    const drag = await move(
      session,
      [
        [x(0.4), y],
        [x(0.6), y],
      ],
      [
        [x(0.2), y],
        [x(0.4), y],
      ],
    )
    await eventually(() => seen(page)).toEqual({ minutes: 20, endsAgo: 46 })
    await drag()
  })

  test('that rest read what lies under them, and move nothing', async () => {
    const { page, pass, session, x, y } = await touched()
    const tooltip = page.locator('.tooltip')
    const lift = await move(session, [[x(0.5), y]])
    await pass(500)
    await eventually(() => tooltip.isVisible()).toBe(true)
    expect(await textOf(tooltip.locator('dd'))).toMatch(/^9(69|70)\.00$/)
    await session.send('Input.dispatchTouchEvent', {
      type: 'touchMove',
      touchPoints: [{ x: x(0.75), y, id: 0 }],
    })
    await eventually(() => textOf(tooltip.locator('dd'))).toMatch(/^98[45]\.00$/)
    await lift()
    expect(await seen(page)).toBeNull()
  })
})

test('plots are equally wide, so that equal times stand under each other', async () => {
  const opened = await open({ browser: wide })
  const { page, pass } = opened
  await page.locator('.chart canvas').nth(4).waitFor()
  await shownRounds(opened, 1)
  await pass(2_000)
  await shownRounds(opened, 2)
  const widths = await page.evaluate(
    `[...document.querySelectorAll('.u-over')].map((node) => node.getBoundingClientRect().width)`,
  )
  expect(new Set(widths as number[]).size).toBe(1)
})
