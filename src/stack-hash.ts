import { createHash } from 'node:crypto'
import { RivuletError } from './errors.ts'

/**
 * Tells errors of one place in the code from those of others, whatever data they speak of: 16 hexadecimal digits of what
 * was thrown first and of where, without its sentence.
 */
export function stackHashOf(error: unknown): string {
  const thrown = innermost(error)
  const frames = thrown instanceof Error ? (thrown.stack ?? '').split('\n').filter(isFrame) : []
  const kind = thrown instanceof Error ? thrown.name : typeof thrown
  return createHash('sha256')
    .update([kind, ...frames].join('\n'))
    .digest('hex')
    .slice(0, 16)
}

function innermost(error: unknown): unknown {
  return error instanceof RivuletError && error.cause !== undefined ? innermost(error.cause) : error
}

const isFrame = (line: string) => /^\s+at /.test(line)
