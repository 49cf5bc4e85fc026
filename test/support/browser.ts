import sparticuz from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

/** Why no browser runs here; null when one does. It comes out of an npm package, which has it for one platform. */
export const noBrowser: string | null =
  process.platform === 'linux' && process.arch === 'x64'
    ? null
    : `the browser of @sparticuz/chromium runs on linux x64, not on ${process.platform} ${process.arch}`

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    // Not the package's own: they switch the web's security off, which is tested here, and put all into one process.
    args: ['--no-sandbox', '--disable-gpu', '--no-zygote'],
  })
}
