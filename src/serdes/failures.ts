import { RivuletError } from '../errors.ts'

/** The bytes, or the text, are no value of the serde. */
export function decodeFailed(serde: string, why: string, cause?: unknown): RivuletError {
  return new RivuletError('DECODE_FAILED', `not a ${serde}: ${why}`, { cause })
}

/** The value has no bytes in this serde. */
export function encodeFailed(serde: string, why: string, cause?: unknown): RivuletError {
  return new RivuletError('ENCODE_FAILED', `can't be written as ${serde}: ${why}`, { cause })
}
