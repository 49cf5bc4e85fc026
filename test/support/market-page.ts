import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { ApiServer } from '../../src/app/serve.ts'
import { FakeMarketQueries } from './fake-market-queries.ts'
import { type MarketWebOptions, seedTrades, serveFake } from './market-server.ts'
import { testBrowser } from './test-browser.ts'

export const { cleanups, newContext } = testBrowser()

export interface Opened {
  readonly page: Page
  readonly server: ApiServer
  readonly queries: FakeMarketQueries
  /** Of the API, in the order in which they were sent. */
  readonly requests: string[]
  /** Requests that the server has under way. */
  readonly underWay: { now: number; most: number }
  /** What the browser's console said, and what was thrown. */
  readonly messages: string[]
  /** Lets the page's time pass: its timers run, and nobody waits. */
  pass(ms: number): Promise<void>
  /** The number of requests for what is shown: each is a round. */
  rounds(): number
  /** The number of answers to them. */
  roundsEnded(): number
}

export interface OpenOptions extends Partial<MarketWebOptions> {
  readonly queries?: FakeMarketQueries
  readonly browser?: BrowserContextOptions
  readonly path?: string
  /** A file of the page that can't be had. */
  readonly without?: string
  /** Runs in the page before its own scripts. */
  readonly script?: string
}

export function market(minutes = 10): FakeMarketQueries {
  const queries = new FakeMarketQueries()
  seedTrades(queries, { endMs: Date.now(), minutes, perMinute: 6 })
  return queries
}

/** Opens a page on a server of its own, its time standing still from the moment the first round is shown. */
export async function open({
  queries = market(),
  browser: options,
  path = '',
  without,
  script,
  ...api
}: OpenOptions = {}): Promise<Opened> {
  const underWay = { now: 0, most: 0 }
  const server = await serveFake(queries, { ...api, underWay })
  cleanups.push(() => server.close({ drainMs: 0 }))
  const context = await newContext(options)
  const page = await context.newPage()
  const now = Date.now()
  const requests: string[] = []
  const messages: string[] = []
  let roundsEnded = 0
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.origin !== new URL(server.url).origin) messages.push(`asked another host: ${request.url()}`)
    if (url.pathname.startsWith('/api/')) requests.push(url.pathname + url.search)
  })
  page.on('response', (response) => {
    if (new URL(response.url()).pathname === '/api/market') roundsEnded++
  })
  page.on('console', (message) => messages.push(message.text()))
  page.on('pageerror', (error) => messages.push(error.message))
  await page.clock.install({ time: now })
  await page.clock.pauseAt(now + 1_000)
  if (without) await page.route(`**${without}`, (route) => route.abort())
  await page.addInitScript(countAsking)
  if (script) await page.addInitScript(script)
  await page.goto(server.url + path)
  return {
    page,
    server,
    queries,
    requests,
    underWay,
    messages,
    pass: async (ms) => {
      // The page sets its next timer when it has taken an answer, unless the test holds that back.
      if (queries.gate === null) await hasTaken(page)
      await page.clock.runFor(ms)
    },
    rounds: () => requests.filter((request) => request.startsWith('/api/market?')).length,
    roundsEnded: () => roundsEnded,
  }
}

/** For a machine that is busy with other things: the time is never waited for in full. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000 })

/** Waits until the page has shown its `n`-th round. */
export async function shownRounds({ page, roundsEnded }: Opened, n: number): Promise<void> {
  await eventually(() => roundsEnded()).toBeGreaterThanOrEqual(n)
  await hasTaken(page)
}

/** Waits until the page waits for no answer, and has done with the last one all that it does at once. */
async function hasTaken(page: Page): Promise<void> {
  await eventually(() => page.evaluate('asking')).toBe(0)
}

// What runs in the page is text: the DOM's types would be those of the whole project.

/** `asking`: how many answers the page waits for, the turn in which it takes them included. */
const countAsking = `
  globalThis.asking = 0
  const counted = (answer) => {
    asking++
    const taken = () => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => asking--
      port2.postMessage(0)
    }
    answer.then(taken, taken)
    return answer
  }
  const { fetch } = globalThis
  globalThis.fetch = (...request) => counted(fetch(...request))
  const { json } = Response.prototype
  Response.prototype.json = function () {
    return counted(json.call(this))
  }
`

/** As when the reader turns to another tab, and comes back. */
export async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })
    document.dispatchEvent(new Event('visibilitychange'))
  `)
}

/** As a reader sees it: of the first such element, once it is there. */
export async function textOf(locator: Locator): Promise<string> {
  await locator.first().waitFor({ state: 'attached' })
  return (await locator.allInnerTexts())[0] ?? ''
}

export const statusText = (page: Page) => textOf(page.getByRole('status'))

/** What is written on canvases, into `texts`. */
export const recordTexts = `
  globalThis.texts = []
  const fillText = CanvasRenderingContext2D.prototype.fillText
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    texts.push(text)
    return fillText.call(this, text, ...place)
  }
`
