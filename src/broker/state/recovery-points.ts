import * as v from 'valibot'
import type { LogDirectory, LogFile } from '../../storage/storage.ts'
import type { RecoveryPoint } from '../log/log-recovery.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { batchFault } from '../log/record-batch.ts'
import { encodeBatch, readRecords } from '../log/records.ts'

const stored = v.object({
  number: v.number(),
  points: v.record(v.string(), v.tuple([v.number(), v.number()])),
})
type Stored = v.InferOutput<typeof stored>

/**
 * What of each log is known to be on the medium, as of one moment: all logs as they stood then agree with each other. Two
 * files are written in turn, so that one of them is whole whatever happens. Where neither is, nothing is known. Source:
 * Kafka's `recovery-point-offset-checkpoint` and `log-start-offset-checkpoint`.
 */
export class RecoveryPoints {
  readonly #files: readonly LogFile[]
  readonly #known: Stored | undefined
  #number: number
  #noting: Promise<void> = Promise.resolve()

  constructor(directory: LogDirectory) {
    this.#files = ['recovery-points.0', 'recovery-points.1'].map((name) => directory.open(name))
    const [a, b] = this.#files.map(read)
    this.#known = (a?.number ?? -1) > (b?.number ?? -1) ? a : b
    this.#number = this.#known?.number ?? 0
  }

  /** Whether any were found. */
  get areKnown(): boolean {
    return this.#known !== undefined
  }

  /** As they were found. Undefined for logs that they don't name. */
  of(log: string): RecoveryPoint | undefined {
    const [startOffset, endOffset] = this.#known?.points[log] ?? []
    return startOffset === undefined || endOffset === undefined ? undefined : { startOffset, endOffset }
  }

  /**
   * Notes where the logs begin and end, after `sync` has brought them to the medium; without that, only where they begin.
   * Resolves once it lasts. Writes nothing where no log has moved.
   */
  note(logs: () => readonly PartitionLog[], sync?: () => Promise<void>): Promise<void> {
    this.#noting = this.#noting.catch(() => {}).then(() => this.#note(logs(), sync))
    return this.#noting
  }

  async #note(logs: readonly PartitionLog[], sync?: () => Promise<void>): Promise<void> {
    const pointOf = ({ startOffset, endOffset, recoveryPoint }: PartitionLog): RecoveryPoint => ({
      startOffset,
      endOffset: sync ? endOffset : (recoveryPoint?.endOffset ?? 0),
    })
    // All of one moment: what is written while the medium is waited for belongs to the next one.
    const points = logs.map((log) => [log, pointOf(log)] as const)
    if (!points.some(([log, point]) => hasMoved(log, point))) return
    await sync?.()
    await this.#write(
      points.map(([{ name }, { startOffset, endOffset }]) => [name, [startOffset, endOffset]]),
    )
    for (const [log, point] of points) log.recoveryPoint = point
  }

  async #write(rows: readonly [log: string, point: [number, number]][]): Promise<void> {
    const written: Stored = { number: this.#number + 1, points: Object.fromEntries(rows) }
    const file = this.#files[written.number % 2]!
    file.truncate(0)
    const value = Buffer.from(JSON.stringify(written))
    file.append(encodeBatch([{ key: null, value }], { timestampMs: 0 }))
    await file.sync()
    this.#number = written.number
  }

  close(): void {
    for (const file of this.#files) file.close()
  }
}

function hasMoved({ recoveryPoint }: PartitionLog, { startOffset, endOffset }: RecoveryPoint): boolean {
  return startOffset !== recoveryPoint?.startOffset || endOffset !== recoveryPoint.endOffset
}

function read(file: LogFile): Stored | undefined {
  const bytes = file.read(0, file.sizeBytes)
  const value = batchFault(bytes) ? undefined : readRecords(bytes)[0]?.value
  return value ? v.parse(stored, JSON.parse(value.toString())) : undefined
}
