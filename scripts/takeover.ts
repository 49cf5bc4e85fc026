import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import { type TakeoverOptions, takeovers } from './takeover/takeovers.ts'

const usage = `Usage: npm run takeover -- [--standbys N] [--times N] [--keys N] [--kafka process|apache] [--seed N]

Kills one of three instances that count by key, again and again, and says how long it took each time until others gave new
results of what the dead one had, and what was lost or doubled. Default: no standbys, 10 kills, 200000 keys, the embedded broker
in a process of its own.
`

/** Returns the exit code: 1 where something was lost, doubled or wrong, or could not be looked at. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      standbys: { type: 'string', default: '0' },
      times: { type: 'string', default: '10' },
      keys: { type: 'string', default: '200000' },
      kafka: { type: 'string', default: 'process' },
      seed: { type: 'string', default: '1' },
    },
  })
  const kafka = (['process', 'apache'] as const).find((kind) => kind === values.kafka)
  const [standbys, times, keys, seed] = [values.standbys, values.times, values.keys, values.seed].map(Number)
  if (!kafka || standbys === undefined || !(standbys >= 0) || !times || !keys || !seed) {
    process.stderr.write(usage)
    return 2
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  return measure({ kafka, standbys, times, keys, seed, say })
}

async function measure(options: TakeoverOptions): Promise<number> {
  const { kafka, standbys, times, keys } = options
  const startedMs = performance.now()
  const told = `${standbys} standbys, ${times} kills on ${kafka}, ${keys} keys`
  try {
    const { takeovers: all, findings } = await takeovers(options)
    const first = spreadOf(all.map(({ firstMs }) => firstMs))
    const whole = spreadOf(all.map(({ allMs }) => allMs))
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    process.stdout.write(`${told}, ${seconds} s: ${JSON.stringify({ first, all: whole, ...findings })}\n`)
    return findings.lost + findings.doubled + findings.wrong > 0 ? 1 : 0
  } catch (error) {
    process.stdout.write(`${told}: ${messageOf(error)}\n`)
    return 1
  }
}

function spreadOf(ms: readonly number[]): { readonly medianMs: number; readonly worstMs: number } {
  const sorted = [...ms].sort((a, b) => a - b)
  return { medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0, worstMs: sorted.at(-1) ?? 0 }
}

process.exit(await main())
