import type { Codec } from './codec.ts'
import { gzip } from './gzip.ts'
import { lz4 } from './lz4.ts'
import { snappy } from './snappy.ts'
import { zstd } from './zstd.ts'

/** How the records of a batch are compressed, by Kafka's names. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** Each at the place of its number in the attributes of a batch. */
export const compressions = [
  'none',
  'gzip',
  'snappy',
  'lz4',
  'zstd',
] as const satisfies readonly Compression[]

/** The bits of a batch's attributes that say it. */
export const compressionMask = 0x07
/** Of one batch: a megabyte of it can hold a gigabyte. */
export const unpackedBytesMax = 256 * 1024 * 1024

const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = { gzip, snappy, lz4, zstd }

/** Undefined: Kafka has none of this number. */
export function compressionOf(attributes: number): Compression | undefined {
  return compressions[attributes & compressionMask]
}

/** Packs batches. */
export interface BatchCompressor {
  /** What a batch's attributes say of it. */
  readonly attribute: number
  compress(records: Buffer): Buffer
}

/** Undefined for `none`. Rejects with `BAD_CONFIG` where a package is missing, and says which. */
export async function compressorOf(compression: Compression): Promise<BatchCompressor | undefined> {
  if (compression === 'none') return undefined
  const compress = await codecs[compression].compressor()
  return { attribute: compressions.indexOf(compression), compress }
}

/**
 * What was compressed; as it is, if it was not. Throws for what is damaged, and for what is more than `unpackedBytesMax`
 * before it takes so much memory; `BAD_CONFIG` where a package is missing.
 */
export function decompress(compression: Compression, bytes: Buffer): Buffer {
  return compression === 'none' ? bytes : codecs[compression].decompress(bytes, unpackedBytesMax)
}
