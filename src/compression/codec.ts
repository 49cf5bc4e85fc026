/** Packs the records of a batch. */
export type Compress = (bytes: Buffer) => Buffer

/** One way in which the records of a batch are compressed. */
export interface Codec {
  /** Throws `BAD_CONFIG` where its package is missing. */
  compressor(): Compress | Promise<Compress>
  /**
   * What was compressed. Throws where it would be more than `bytesMax`, before that much is allocated, and for bytes that
   * were never compressed so. Some damage goes unnoticed: that is what a batch has its CRC for.
   */
  decompress(bytes: Buffer, bytesMax: number): Buffer
}

export function tooLarge(bytesMax: number): RangeError {
  return new RangeError(`more than ${bytesMax} bytes when it is unpacked`)
}
