import { createLogger, messageOf, RivuletError, systemClock } from 'rivulet'
import { machineSettings, readSettings } from 'rivulet/app'
import { recordFeed } from '../pipelines/market/coinbase/record-feed.ts'
import { exchangeSettings } from '../pipelines/market/market-settings.ts'

const usage = `Usage: npx tsx scripts/record.ts FILE

Appends what Coinbase sends to FILE, one JSON message a line, until SIGINT or SIGTERM; --replay FILE plays it.
Variables: PRODUCTS, COINBASE_WS_URL, LOG_LEVEL.
`

/** Returns the exit code: 0 for a recording that was ended by a signal, 2 for bad configuration, 1 for a fault. */
async function main(args: readonly string[]): Promise<number> {
  const [file] = args
  if (args.includes('--help')) {
    process.stdout.write(usage)
    return 0
  }
  if (file === undefined || args.length > 1 || file.startsWith('-')) {
    process.stderr.write(usage)
    return 2
  }
  try {
    const { logLevel } = machineSettings
    const program = { name: 'record', summary: 'records Coinbase' }
    const told = readSettings(program, { ...exchangeSettings, logLevel }, [], process.env)
    if ('help' in told) return 0
    const { config } = told
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        stop.abort()
        process.once(signal, () => process.exit(130))
      })
    }
    const lines = await recordFeed({
      file,
      wsUrl: config.coinbaseWsUrl,
      products: config.products,
      clock: systemClock,
      logger: createLogger({ level: config.logLevel }),
      signal: stop.signal,
    })
    process.stdout.write(`${lines} messages appended to ${file}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    return error instanceof RivuletError && error.code === 'BAD_CONFIG' ? 2 : 1
  }
}

process.exitCode = await main(process.argv.slice(2))
