// Loaded before a program: kills it, as SIGKILL does, when it has come to CRASH_POINT for the CRASH_AT-th time. The program
// knows nothing of it: its requests are seen where they are written to a socket, its files where Node writes them.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import type { CrashPoint } from './crash-points.ts'

const point = process.env.CRASH_POINT as CrashPoint | undefined
const at = Number(process.env.CRASH_AT ?? 1)
let passed = 0

function reached(here: CrashPoint): void {
  if (here === point && ++passed === at) process.kill(process.pid, 'SIGKILL')
}

interface Points {
  readonly before?: CrashPoint
  readonly after?: CrashPoint
  readonly answered?: CrashPoint
}

/** By Kafka's API keys. */
const kafkaPoints: Readonly<Record<number, Points>> = {
  0: { before: 'before-produce', after: 'after-produce' },
  14: { before: 'before-sync-group' },
  22: { before: 'before-init-producer-id' },
  24: { before: 'before-add-partitions' },
  26: { before: 'before-end-txn', after: 'after-end-txn', answered: 'end-txn-answered' },
  28: { before: 'before-commit-offsets' },
}
const insertPoints: Points = { before: 'before-insert', after: 'after-insert', answered: 'insert-answered' }

function pointsOf(written: unknown): Points | undefined {
  if (typeof written === 'string') return /^POST \S*INSERT/i.test(written) ? insertPoints : undefined
  if (!Buffer.isBuffer(written) || written.length < 8) return undefined
  // A request of Kafka's: its length, then which one it is.
  return written.readInt32BE(0) === written.length - 4 ? kafkaPoints[written.readInt16BE(4)] : undefined
}

const write = Socket.prototype.write
Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>): boolean {
  const { before, after, answered } = pointsOf(args[0]) ?? {}
  if (before) reached(before)
  const isTaken = Reflect.apply(write, this, args)
  // The kernel has it then, and the other side will read it.
  if (after) setImmediate(() => reached(after))
  if (answered) this.once('data', () => reached(answered))
  return isTaken
} as typeof write

/** What the embedded broker and the checkpoints do with files, by the name of Node's function. */
const filePoints: Readonly<Record<string, Points>> = {
  writeSync: { after: 'file-written' },
  writevSync: { after: 'file-written' },
  fsyncSync: { before: 'before-file-sync' },
  fdatasyncSync: { before: 'before-file-sync' },
  fdatasync: { before: 'before-file-sync' },
  renameSync: { before: 'before-rename', after: 'file-renamed' },
}
type FileFunctions = Record<string, (...args: unknown[]) => unknown>
const functions = fs as unknown as FileFunctions
for (const [name, { before, after }] of Object.entries(filePoints)) {
  const original = functions[name]
  if (!original) continue
  functions[name] = (...args) => {
    if (before) reached(before)
    const result = original(...args)
    if (after) reached(after)
    return result
  }
}
syncBuiltinESMExports()
