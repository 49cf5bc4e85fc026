import { mkdtempSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Checkpoint } from '../../src/state/checkpoint.ts'
import { DiskDirectory } from '../../src/storage/disk.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'checkpoints'

const identity = 'app-store-changelog/0'
const path = join(mkdtempSync(join(tmpdir(), 'rivulet-fuzz-')), 'store.checkpoint')

type Entry = readonly [key: string, value: string | null, timestampMs: number]

interface Frame {
  readonly entries: readonly Entry[]
  readonly changelogOffset: number
}

/** Of a damaged file, the frames up to the damage are read, and the offset behind them; none other, ever. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const frames = Array.from({ length: dice.int(4) }, (_, i) => frameOf(dice, (i + 1) * 10))
  const input = dice.mutated(await fileOf(frames))
  await withInput(input, async () => {
    const { entries, changelogOffset, problems } = await loaded(input)
    const isRead = (count: number) => {
      const read = frames.slice(0, count)
      return (
        changelogOffset === read.at(-1)?.changelogOffset &&
        JSON.stringify(entries) === JSON.stringify(read.flatMap((frame) => frame.entries))
      )
    }
    if (problems.length > 0) throw new Error(`gave up: ${problems}`)
    if (!frames.some((_, i) => isRead(i + 1)) && !isRead(0)) {
      throw new Error(`read ${JSON.stringify(entries)} up to ${changelogOffset} of ${JSON.stringify(frames)}`)
    }
  })
}

function frameOf(dice: Dice, changelogOffset: number): Frame {
  const entries = dice.list(
    3,
    (): Entry => [
      dice.bytes(dice.int(5)).toString('hex'),
      dice.chance(0.3) ? null : dice.bytes(dice.int(9)).toString('hex'),
      dice.int(1_000),
    ],
  )
  return { entries, changelogOffset }
}

async function fileOf(frames: readonly Frame[]): Promise<Buffer> {
  writeFileSync(path, '')
  const { checkpoint } = opened()
  await checkpoint.clear()
  for (const { entries, changelogOffset } of frames) {
    const changes = {
      keys: entries.map(([key]) => Buffer.from(key)),
      values: entries.map(([, value]) => (value === null ? null : Buffer.from(value))),
      timestampsMs: entries.map(([, , timestampMs]) => timestampMs),
    }
    await checkpoint.append(changes, {
      nextOffset: changelogOffset,
      lastOffset: changelogOffset - 1,
      knownAtMs: 0,
    })
  }
  await checkpoint.close()
  return readFile(path).catch(() => Buffer.alloc(0))
}

async function loaded(bytes: Buffer) {
  writeFileSync(path, bytes)
  const { checkpoint, problems } = opened()
  const entries: Entry[] = []
  const covered = await checkpoint.load((key, value, timestampMs) => {
    entries.push([String(key), value && String(value), timestampMs])
  })
  await checkpoint.close()
  return { entries, changelogOffset: covered?.nextOffset, problems }
}

function opened() {
  const problems: unknown[] = []
  const folder = () => new DiskDirectory(dirname(path))
  const failed = (error: unknown) => problems.push(error)
  return { problems, checkpoint: new Checkpoint({ folder, name: basename(path), identity, failed }) }
}
