import { parseArgs } from 'node:util'
import { messageOf } from 'rivulet'
import type { Audit } from './campaign/audit.ts'
import {
  brokerCrashes,
  type Campaign,
  clickhouseFaults,
  crashesAt,
  freezes,
  instances,
  kills,
} from './campaign/campaigns.ts'
import { type CrashPoint, crashPoints } from './campaign/crash-points.ts'
import { kafkaKinds } from './campaign/outer-kafka.ts'

const campaigns: Readonly<Record<string, Campaign>> = {
  kills,
  freezes,
  'broker-crashes': brokerCrashes,
  'two-instances': instances(2),
  'three-instances': instances(3),
  'clickhouse-faults': clickhouseFaults,
  ...Object.fromEntries((Object.keys(crashPoints) as CrashPoint[]).map((point) => [point, crashesAt(point)])),
}

const usage = `Usage: npm run campaign -- NAME... [--times N] [--kafka ${kafkaKinds.join('|')}] [--seed N] [--for MS] [--program FILE]

Runs the crypto program in processes of its own against a local exchange, puts them to faults, and holds what lies in
Kafka and ClickHouse at the end to what the exchange has made. Default: 10 faults, the embedded broker, for 1000 ms.
--program takes the module to run, such as the program in one file, which starts sooner.
Campaigns: ${Object.keys(campaigns).join(', ')}.
`

/** Whether all is there, and once. */
function isWhole(audit: Audit): boolean {
  const { tradesLost, tradesDoubled, rowsLost, rowsDoubled, candlesLost, candlesDoubled, candlesWrong } =
    audit
  return (
    tradesLost + tradesDoubled + rowsLost + rowsDoubled + candlesLost + candlesDoubled + candlesWrong === 0
  )
}

/** Returns the exit code: 1 where something was lost or doubled, or could not be looked at. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      times: { type: 'string', default: '10' },
      kafka: { type: 'string', default: 'embedded' },
      seed: { type: 'string', default: '1' },
      for: { type: 'string', default: '1000' },
      program: { type: 'string', default: 'pipelines/crypto.ts' },
    },
  })
  const kafka = kafkaKinds.find((kind) => kind === values.kafka)
  const [times, seed, forMs] = [values.times, values.seed, values.for].map(Number)
  const isKnown = positionals.length > 0 && positionals.every((name) => campaigns[name])
  if (!isKnown || !kafka || !times || !seed || !forMs) {
    process.stderr.write(usage)
    return 2
  }
  let failures = 0
  for (const name of positionals) {
    const startedMs = performance.now()
    const say = (line: string) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${line}`)
    }
    const told = `${name}, ${times} times on ${kafka}`
    try {
      const audit = await (campaigns[name] as Campaign)({
        kafka,
        entry: values.program,
        times,
        seed,
        forMs,
        say,
      })
      if (!isWhole(audit)) failures++
      const { lastIds: _lastIds, findings, ...counts } = audit
      const seconds = Math.round((performance.now() - startedMs) / 1000)
      process.stdout.write(`${told}, ${seconds} s: ${JSON.stringify(counts)}\n`)
      for (const finding of findings) process.stdout.write(`  ${finding}\n`)
    } catch (error) {
      failures++
      process.stdout.write(`${told}: ${messageOf(error)}\n`)
    }
  }
  return failures > 0 ? 1 : 0
}

process.exit(await main())
