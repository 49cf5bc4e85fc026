import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MarketProgram } from './readers/market-program.ts'
import type { PagesResult } from './readers/pages.ts'
import { writeRecording } from './readers/recorded-market.ts'

const usage = `Usage: npm run readers [-- [--pages N] [--seconds N] [--trades N]]

Opens so many pages of a market at once (default 200), of a simulated one for some seconds (default 30), and of a recording of
so many trades (default 200000) that is played as fast as it is stored. Says how long a round takes, and how much fewer trades
a second are stored than without them. Fails where a round's p99 is 150 ms or more, one has failed, or a tenth fewer are stored.
`

const roundMsMax = 150
const slowedShareMax = 0.1

/** Stored a second without pages and with them, and how these fared. */
interface Measured {
  readonly aloneRate: number
  readonly readRate: number
  readonly pages: PagesResult
  /** What the program took of the processors for a round, ms, beside what it takes without pages. */
  readonly cpuMsPerRound?: number
}

interface Options {
  readonly pages: number
  readonly seconds: number
  readonly trades: number
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-readers-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function withProgram<T>(
  market: readonly string[],
  work: (program: MarketProgram) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const program = await MarketProgram.start(folder, market)
    try {
      return await work(program)
    } finally {
      await program.close()
    }
  })
}

/** A market that has its own pace: what is stored in the same time. */
function measureLive({ pages, seconds }: Options): Promise<Measured> {
  return withProgram(['--simulate', '7'], async (program) => {
    await program.stored(100)
    const rateIn = async <T>(work: () => Promise<T>) => {
      const [startedMs, before, cpuBefore] = [
        performance.now(),
        await program.count(),
        await program.cpuSeconds(),
      ]
      const result = await work()
      const elapsedS = (performance.now() - startedMs) / 1_000
      const [stored, cpuS] = [(await program.count()) - before, (await program.cpuSeconds()) - cpuBefore]
      return { result, rate: stored / elapsedS, cpuShare: cpuS / elapsedS, elapsedS }
    }
    const alone = await rateIn(() => sleep(seconds * 1_000))
    const read = await rateIn(() => program.read({ pages, seconds }))
    const cpuMs = 1_000 * (read.cpuShare - alone.cpuShare) * read.elapsedS
    return {
      aloneRate: alone.rate,
      readRate: read.rate,
      pages: read.result,
      cpuMsPerRound: cpuMs / read.result.roundsMs.length,
    }
  })
}

/** A recording without a pace: how long it takes until all of it is stored. */
function measureReplayed({ pages, trades }: Options): Promise<Measured> {
  return inFolder(async (folder) => {
    const recording = join(folder, 'recording')
    await writeRecording(recording, trades)
    const market = ['--replay', recording, '--speed', 'max']
    const aloneMs = await withProgram(market, (program) => program.stored(trades))
    // About as long as it takes: pages that go on would read a market that stands still.
    const seconds = Math.max(4, Math.ceil(aloneMs / 1_000))
    const [readMs, result] = await withProgram(market, (program) =>
      Promise.all([program.stored(trades), program.read({ pages, seconds })]),
    )
    const rate = (ms: number) => (trades / ms) * 1_000
    return { aloneRate: rate(aloneMs), readRate: rate(readMs), pages: result }
  })
}

/** Says what was measured; whether it is good enough. */
function tell(market: string, measured: Measured): boolean {
  const {
    aloneRate,
    readRate,
    pages: { roundsMs, failed },
    cpuMsPerRound,
  } = measured
  const sorted = roundsMs.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)
  const [p50, p99] = [at(0.5), at(0.99)]
  const slowedShare = 1 - readRate / aloneRate
  const rounds = `${sorted.length} rounds, p50 ${p50} ms, p99 ${p99} ms, ${failed} failed`
  const cpu = cpuMsPerRound === undefined ? '' : `, ${cpuMsPerRound.toFixed(1)} ms of the processor each`
  const rates = `${Math.round(aloneRate)} trades/s stored alone, ${Math.round(readRate)} read`
  process.stdout.write(`${market}: ${rounds}${cpu}; ${rates}, ${(slowedShare * 100).toFixed(1)} % fewer\n`)
  return p99 < roundMsMax && failed === 0 && slowedShare < slowedShareMax
}

/** Returns the exit code: 1 where something is slower than it may be, 2 where it is not clear what is wanted. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      pages: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '30' },
      trades: { type: 'string', default: '200000' },
    },
  })
  const [pages = 0, seconds = 0, trades = 0] = [values.pages, values.seconds, values.trades].map(Number)
  if (![pages, seconds, trades].every((value) => Number.isInteger(value) && value > 0)) {
    process.stderr.write(usage)
    return 2
  }
  const options = { pages, seconds, trades }
  const isLiveGood = tell('live', await measureLive(options))
  const isReplayedGood = tell('replayed', await measureReplayed(options))
  return isLiveGood && isReplayedGood ? 0 : 1
}

process.exit(await main())
