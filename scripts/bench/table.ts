import type { Row, Spread } from './row.ts'

const head = [
  'job',
  'program',
  'records/s, median (lowest–highest)',
  'heap, bytes/record',
  'processor, µs/record',
  'memory, MB',
  'Rivulet is faster, times',
]

/** A row of the table that is kept. */
export interface KeptRow {
  readonly job: string
  readonly program: string
  /** The median of how many times as fast ours is; undefined in the rows of ours. */
  readonly ratio: number | undefined
  readonly cells: readonly string[]
}

export function keptRowOf(row: Row): KeptRow {
  const { job, program, recordsPerS, heapBytesPerRecord, cpuUsPerRecord, memoryMbMax, ratio } = row
  return readCells([
    job,
    program,
    spreadText(recordsPerS, (value) => whole(Number(value.toPrecision(3)))),
    heapBytesPerRecord === undefined ? '' : whole(heapBytesPerRecord),
    cpuUsPerRecord === undefined ? '' : cpuUsPerRecord.toFixed(2),
    memoryMbMax === undefined ? '' : whole(memoryMbMax),
    ratio === undefined ? '' : spreadText(ratio, (value) => value.toFixed(2)),
  ])
}

/** In Markdown, its columns as wide as they need to be. */
export function tableText(rows: readonly KeptRow[]): string {
  const lines = [head, ...rows.map(({ cells }) => cells)]
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  const lineOf = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |\n`
  const rule = widths.map((width) => '-'.repeat(width))
  return [head, rule, ...rows.map(({ cells }) => cells)].map(lineOf).join('')
}

/** The rows of the table in a text; what is no row of it is passed over. */
export function readTable(text: string): KeptRow[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2) // its head, and the rule below that
    .map((line) =>
      readCells(
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
    )
}

/** The kept rows, with those of the jobs that were measured anew in place of the old ones; what is new comes last. */
export function mergedRows(kept: readonly KeptRow[], measured: readonly KeptRow[]): KeptRow[] {
  const jobs = new Set([...kept, ...measured].map(({ job }) => job))
  return [...jobs].flatMap((job) => {
    const anew = measured.filter((row) => row.job === job)
    return anew.length > 0 ? anew : kept.filter((row) => row.job === job)
  })
}

function readCells(cells: readonly string[]): KeptRow {
  const [job = '', program = '', , , , , ratio = ''] = cells
  return { job, program, ratio: ratio === '' ? undefined : Number.parseFloat(ratio), cells }
}

function spreadText({ median, lowest, highest }: Spread, text: (value: number) => string): string {
  return `${text(median)} (${text(lowest)}–${text(highest)})`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
