import { readFileSync } from 'node:fs'

/** More clients than that are no use of a program on one machine. */
const connectionsMax = 1_000

/** How many connections one server may have, so that files, threads and other sockets have descriptors left. */
export function connectionsMaxOf(descriptorsMax = readDescriptorsMax()): number {
  return Math.max(1, Math.min(connectionsMax, Math.floor(descriptorsMax / 4)))
}

/** What the system gives this process; where it has no file that says so, there is no bound. */
function readDescriptorsMax(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
