import { isUtf8 } from 'node:buffer'
import type { Serde, SerdeContext } from '../serdes/serde.ts'

/** Bytes as text to be read. */
export interface ShownBytes {
  readonly text: string
  /** `value`: as its serde reads it; `hex`: nobody can. */
  readonly as: 'value' | 'text' | 'hex'
  /** How many there are. */
  readonly bytes: number
  /** The text was longer. */
  readonly cut: boolean
}

/** Null: there are none. `serde`: what they are written with, where that is known. */
export function shownBytes(
  bytes: Buffer | null,
  charactersMax: number,
  serde?: Serde<unknown>,
  context?: SerdeContext,
): ShownBytes | null {
  if (bytes === null) return null
  const { text, as } = read(bytes, charactersMax, serde, context)
  return { text: text.slice(0, charactersMax), as, bytes: bytes.length, cut: text.length > charactersMax }
}

function read(
  bytes: Buffer,
  charactersMax: number,
  serde: Serde<unknown> | undefined,
  context: SerdeContext | undefined,
): Pick<ShownBytes, 'text' | 'as'> {
  const value = readValue(bytes, serde, context)
  if (value !== undefined) return { text: value, as: 'value' }
  if (isUtf8(bytes) && !hasControls(bytes)) return { text: bytes.toString(), as: 'text' }
  // One byte more than is shown, so that it is known to be cut.
  return { text: bytes.subarray(0, charactersMax / 2 + 1).toString('hex'), as: 'hex' }
}

/** Undefined: it can't be read, or is nothing but bytes to its serde. */
function readValue(
  bytes: Buffer,
  serde: Serde<unknown> | undefined,
  context: SerdeContext | undefined,
): string | undefined {
  try {
    const value = serde?.deserialize(bytes, context)
    if (value === undefined || Buffer.isBuffer(value)) return undefined
    return typeof value === 'string' ? value : JSON.stringify(value, bigIntAsText)
  } catch {
    return undefined // what it is not written with, or can't be read yet
  }
}

function bigIntAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** Tabs and line ends are text. */
function hasControls(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
}
