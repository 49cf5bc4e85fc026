/** A safeguard that is switched off: one place of the source that reads otherwise. */
export interface Mutant {
  /** What is done without, in a few words with hyphens. */
  readonly name: string
  readonly file: string
  /** Stands there once. */
  readonly from: string
  readonly to: string
  /** What the safeguard is for. */
  readonly why: string
  /** The one that shows it in time; absent: each seed draws one. */
  readonly deployment?: string
}

/** One that no seed can show. */
export interface UnseenMutant extends Omit<Mutant, 'deployment'> {
  /** Why not. */
  readonly unseen: string
  /** The tests that fail instead. */
  readonly test: string
}
