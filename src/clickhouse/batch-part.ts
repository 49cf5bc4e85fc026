/** The offsets of a contiguous range that make rows: the first one, the last one, and where the range ends (inclusive). */
export interface PlaceRange {
  readonly from: number
  readonly offset: number
  readonly to: number
}

/** Rows that are inserted at once: a batch, or what is left of one from which refused records are sorted out. */
export interface BatchPart {
  readonly topic: string
  readonly partition: number
  readonly rows: number
  readonly range: PlaceRange
  /** TabSeparated. They never change. */
  readonly bytes: Buffer
  /** How often it was sent. */
  tries: number
  /** How often ClickHouse has said that it took the rows, and they were not there. */
  losses: number
}

export function batchPart(part: Omit<BatchPart, 'tries' | 'losses'>): BatchPart {
  return { ...part, tries: 0, losses: 0 }
}

const tab = '\t'.charCodeAt(0)
const newline = '\n'.charCodeAt(0)

interface PlacedRow {
  readonly offset: number
  /** Its bytes up to `_from`. */
  readonly head: Buffer
}

/** Two parts of it, each with a range of its own; undefined: it is one record, whose rows belong together. */
export function halvesOf(part: BatchPart): [BatchPart, BatchPart] | undefined {
  const rows = rowsOf(part.bytes)
  const middle = boundaryNear(rows, rows.length >> 1)
  if (middle === undefined) return undefined
  const { from, offset, to } = part.range
  const [before, behind] = [rows.slice(0, middle), rows.slice(middle)]
  const border = (behind[0] as PlacedRow).offset
  return [
    partOf(part, before, { from, offset: (before.at(-1) as PlacedRow).offset, to: border - 1 }),
    partOf(part, behind, { from: border, offset, to }),
  ]
}

/** Index of a row, near this one, with which a record begins that is not the first. */
function boundaryNear(rows: readonly PlacedRow[], index: number): number | undefined {
  const begins = (i: number) => rows[i]?.offset !== rows[i - 1]?.offset
  for (let i = index; i < rows.length; i++) if (i > 0 && begins(i)) return i
  for (let i = index; i > 0; i--) if (begins(i)) return i
  return undefined
}

function partOf({ topic, partition }: BatchPart, rows: readonly PlacedRow[], range: PlaceRange): BatchPart {
  const tail = Buffer.from(`${range.from}\t${range.to}\n`)
  const bytes = Buffer.concat(rows.flatMap(({ head }) => [head, tail]))
  return batchPart({ topic, partition, rows: rows.length, range, bytes })
}

/** Each row ends in `placeColumns`: its offset, topic and partition, and where its range begins and ends. */
function rowsOf(bytes: Buffer): PlacedRow[] {
  const rows: PlacedRow[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start) + 1
    const row = bytes.subarray(start, end)
    const toAt = row.lastIndexOf(tab)
    const fromAt = row.lastIndexOf(tab, toAt - 1)
    const partitionAt = row.lastIndexOf(tab, fromAt - 1)
    const topicAt = row.lastIndexOf(tab, partitionAt - 1)
    const offsetAt = row.lastIndexOf(tab, topicAt - 1)
    rows.push({
      offset: Number(row.toString('latin1', offsetAt + 1, topicAt)),
      head: row.subarray(0, fromAt + 1),
    })
    start = end
  }
  return rows
}
