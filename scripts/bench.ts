import { parseArgs } from 'node:util'
import { findingsOf } from './bench/check.ts'
import type { JobResult } from './bench/job.ts'
import { benches } from './bench/jobs.ts'
import { readKept, writeKept } from './bench/kept-table.ts'
import { rowsOf } from './bench/row.ts'
import { keptRowOf, mergedRows, tableText } from './bench/table.ts'

const usage = `Usage: npm run bench [-- [--only NAME] [--records N] [--runs N] [--json] [--check] [--write]]

Measures Rivulet beside programs that do the same, by turns, and prints medians and how far the runs lie apart. --only takes
one of ${Object.keys(benches).join(', ')}. --json prints each row as a line of JSON.
--check fails where a ratio is more than 15 % below that of docs/bench.md, which --write writes: on a quiet machine, and
without --records.
`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    records: { type: 'string' },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** Returns the exit code: 1 where the check has failed, 2 where it is not clear what is wanted. */
async function main(): Promise<number> {
  const [records, runs] = [values.records, values.runs].map((text) => wholeNumber(text))
  const wanted = Object.entries(benches).filter(([name]) => [undefined, name].includes(values.only))
  if (wanted.length === 0 || runs === undefined || (values.records !== undefined && records === undefined)) {
    process.stderr.write(usage)
    return 2
  }
  const progress = (line: string) => process.stderr.write(`${line}\n`)
  const results: JobResult[] = []
  for (const [, bench] of wanted)
    results.push(...(await bench.run({ records: records ?? bench.records ?? 0, runs, progress })))
  const rows = results.flatMap(rowsOf)
  const kept = rows.map(keptRowOf)
  process.stdout.write(values.json ? rows.map((row) => `${JSON.stringify(row)}\n`).join('') : tableText(kept))
  for (const { job, skipped } of results)
    for (const { program, why } of skipped) process.stderr.write(`${job}, ${program}: skipped, ${why}\n`)
  const passes = !values.check || check(results)
  if (values.write) writeKept(mergedRows(readKept(), kept), runs)
  return passes ? 0 : 1
}

function check(results: readonly JobResult[]): boolean {
  const findings = findingsOf(readKept(), results)
  for (const { row, problem } of findings) process.stderr.write(`${row}: ${problem}\n`)
  const failures = findings.filter(({ fails }) => fails).length
  process.stderr.write(failures > 0 ? `${failures} rows fail the check\n` : 'the check passes\n')
  return failures === 0
}

process.exit(await main())
