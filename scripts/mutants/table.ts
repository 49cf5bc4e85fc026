import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Mutant, UnseenMutant } from './mutant.ts'
import type { SeedOutcome } from './seed-process.ts'

export const tablePath = 'docs/mutants.md'

/** What has caught mutants, by their names. */
export interface Caught {
  readonly bySeeds: Map<string, Required<SeedOutcome>>
  readonly byTests: Map<string, string>
}

const introduction = `# What each safeguard is for

Each row is a safeguard of what makes every record count exactly once, and a seed of the [simulator](simulation.md) that
fails when it is switched off: what is left then of the deployment does not hold. \`npm run mutants\` has made this table;
\`npm run mutants -- NAME\` runs one row. Each is caught by one of the first 500 seeds, which draw their deployments, or are
held to the one that has the safeguard (\`npm run simulate -- --seed N --deployment NAME\`). Seeds change with the sources: where
one no longer fails, the command looks for the next. A row in which nothing notices is open.

| without | which is for | seed | deployment | does not hold |
| --- | --- | --- | --- | --- |
`
const unseenIntroduction = `
## What no seed shows

Safeguards whose absence no deployment of the simulator can notice: a test that looks at them alone fails, in a copy of the
sources as above.

| without | which is for | why no seed shows it | fails |
| --- | --- | --- | --- |
`
const nothing = 'nothing notices'

/** As it stands in \`docs/\`. */
export function readTable(): Caught {
  const caught: Caught = { bySeeds: new Map(), byTests: new Map() }
  const lines = existsSync(tablePath) ? readFileSync(tablePath, 'utf8').split('\n') : []
  for (const line of lines) {
    const [, name, seed, deployment = '', invariant = '', test] =
      /^\| `(\S+)` \| .* \| (?:(\d+) \| (\S+) \| (.*)|`(\S+)`) \|$/.exec(line) ?? []
    if (name === undefined) continue
    if (test !== undefined) caught.byTests.set(name, test)
    else caught.bySeeds.set(name, { seed: Number(seed), deployment, invariant })
  }
  return caught
}

export function writeTable(
  mutants: readonly Mutant[],
  unseen: readonly UnseenMutant[],
  { bySeeds, byTests }: Caught,
): void {
  const rows = mutants.map((mutant) => {
    const by = bySeeds.get(mutant.name)
    return `${beginning(mutant)} | ${by ? `${by.seed} | ${by.deployment} | ${by.invariant}` : `– | – | ${nothing}`} |\n`
  })
  const unseenRows = unseen.map((mutant) => {
    const test = byTests.get(mutant.name)
    return `${beginning(mutant)} | ${mutant.unseen} | ${test === undefined ? nothing : `\`${test}\``} |\n`
  })
  writeFileSync(tablePath, introduction + rows.join('') + unseenIntroduction + unseenRows.join(''))
}

function beginning({ name, file, why }: Pick<Mutant, 'name' | 'file' | 'why'>): string {
  return `| \`${name}\` | ${why} (\`${file.replace(/^src\//, '')}\`)`
}
