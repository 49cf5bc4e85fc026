import { parseArgs } from 'node:util'
import { startSecuredKafka } from '../test/support/secured-kafka.ts'
import {
  attemptInProcess,
  refusalMsMax,
  type SecurityRig,
  secrets,
  securityCases,
} from '../test/support/security-matrix.ts'
import { startTokenEndpoint } from '../test/support/token-endpoint.ts'

const usage = `Usage: npm run security -- [--times N]

Starts a program that speaks with an Apache Kafka in each way of the table in docs/security.md, right and wrong, each in a
process of its own, N times (default 1), and prints how often it went as the table says, how often with the right exit code
in time, and how long it took from when its code was loaded. Needs Java, Maven and openssl.
`

const print = (line: string) => process.stdout.write(`${line}\n`)
const complain = (line: string) => process.stderr.write(`${line}\n`)

/** Returns the exit code: 1 where something went another way, 2 where it can't be run. */
async function main(): Promise<number> {
  const { times } = parseArgs({ options: { times: { type: 'string', default: '1' } } }).values
  if (!/^[1-9]\d{0,3}$/.test(times)) {
    process.stderr.write(usage)
    return 2
  }
  const kafka = await startSecuredKafka()
  if ('unavailable' in kafka) {
    process.stderr.write(`${kafka.unavailable}\n`)
    return 2
  }
  const endpoint = await startTokenEndpoint()
  try {
    return await runAll({ kafka, endpoint }, Number(times))
  } finally {
    await endpoint.close()
    await kafka.stop()
  }
}

async function runAll(rig: SecurityRig, times: number): Promise<number> {
  let wrong = 0
  print('| how | with | as the table says | median ms | worst ms |\n| --- | --- | --- | --- | --- |')
  for (const each of securityCases) {
    const elapsedMs: number[] = []
    let right = 0
    for (let time = 0; time < times; time++) {
      const { refusal, log, ...took } = await attemptInProcess(each, rig)
      elapsedMs.push(Math.round(took.elapsedMs))
      const isInTime = refusal === undefined || took.elapsedMs < refusalMsMax
      const isSilent = secrets.every((secret) => !log.includes(secret))
      if (refusal?.sentence === each.refusal?.sentence && isInTime && isSilent) right++
      else complain(`${each.mechanism}, ${each.what}: ${JSON.stringify(refusal)} after ${took.elapsedMs} ms`)
    }
    wrong += times - right
    const sorted = elapsedMs.toSorted((a, b) => a - b)
    const cells = [each.mechanism, each.what, `${right} of ${times}`, sorted[times >> 1], sorted.at(-1)]
    print(`| ${cells.join(' | ')} |`)
  }
  return wrong === 0 ? 0 : 1
}

process.exitCode = await main()
