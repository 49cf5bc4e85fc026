import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { launchBrowser, noBrowser } from './browser.ts'

export interface TestBrowser {
  /** Run behind each test, the last one first. */
  readonly cleanups: (() => Promise<unknown>)[]
  /** A context in English and UTC, unless said otherwise, which is closed behind the test. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
}

/** Gives the tests of a file one browser; where none runs they are skipped, and say why. */
export function testBrowser(): TestBrowser {
  const cleanups: (() => Promise<unknown>)[] = []
  let browser: Browser | undefined
  beforeAll(async () => {
    if (noBrowser === null) browser = await launchBrowser()
  })
  beforeEach((context) => {
    if (noBrowser !== null) context.skip(noBrowser)
  })
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  afterAll(() => browser?.close())
  return {
    cleanups,
    async newContext(options) {
      const context = await browser!.newContext({ locale: 'en-US', timezoneId: 'UTC', ...options })
      cleanups.push(() => context.close())
      return context
    },
  }
}
