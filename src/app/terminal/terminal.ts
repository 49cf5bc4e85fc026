import { Writable } from 'node:stream'
import type { TerminalBlockOptions } from './terminal-block.ts'

/** The terminal that a process writes to, if there is one in which lines can be rewritten, and somebody who looks. */
export function terminalOf({
  stdout,
  stderr,
  env,
}: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'env'>): TerminalBlockOptions | undefined {
  if (!stdout.isTTY || !stderr.isTTY || env.TERM === 'dumb' || env.CI) return undefined
  return { output: stderr, others: [stdout], isStyled: !env.NO_COLOR }
}

/** For a logger: what is written is there at once, and the stream outlives the logger. */
export function linesInto(output: Writable): Writable {
  return new Writable({
    write(line, _, written) {
      output.write(line)
      written()
    },
  })
}
