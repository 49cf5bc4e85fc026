// Pictures of the market's page and of the pipeline's, in light and dark: npx tsx scripts/screenshots.ts FOLDER [URL]
// Without a URL it starts the crypto program on the simulated market, and waits until it has some trades to show.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import sparticuz from '@sparticuz/chromium'
import { chromium, type Page } from 'playwright-core'

/** 400 or more, as the page writes it. */
const enoughTrades = /^([4-9]\d\d|\d+,[\d,]+)$/
const waitMsMax = 180_000
const viewport = { width: 1280, height: 1000 }

const [folder, url] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('Where to? npx tsx scripts/screenshots.ts FOLDER [URL]\n')
  process.exit(2)
}

if (url !== undefined) await takePictures(folder, url)
else {
  const data = await mkdtemp(join(tmpdir(), 'rivulet-screenshots-'))
  const program = spawn(
    process.execPath,
    ['--import', 'tsx', 'pipelines/crypto.ts', '--simulate', '7', '--port', '0', '--data-dir', data],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => program.once('close', () => resolve()))
  try {
    await takePictures(folder, await readyUrl(program.stdout))
  } finally {
    program.kill('SIGTERM')
    await ended
    await rm(data, { recursive: true, force: true })
  }
}

async function readyUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const [, address] = /^Ready: (\S+)$/.exec(line) ?? []
    if (address !== undefined) return address
  }
  throw new Error('The program ended before it was ready')
}

async function takePictures(into: string, address: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--no-zygote'],
  })
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor: 2, locale: 'en-US' })
      // In the address: one that is chosen later is shown a round later.
      await page.goto(new URL('?range=5', address).href)
      await page.locator('body:not(.waiting) .chart canvas').first().waitFor({ timeout: waitMsMax })
      await page.locator('#count', { hasText: enoughTrades }).waitFor({ timeout: waitMsMax })
      await take(page, join(into, `crypto-${colorScheme}.png`))
      await page.goto(new URL('pipeline', address).href)
      await page.locator('.chart canvas').nth(3).waitFor({ timeout: waitMsMax })
      await page.locator('#tasks tr').first().waitFor({ timeout: waitMsMax })
      await take(page, join(into, `pipeline-${colorScheme}.png`))
    }
  } finally {
    await browser.close()
  }
}

async function take(page: Page, path: string): Promise<void> {
  await page.screenshot({ path })
  process.stdout.write(`${path}\n`)
}
