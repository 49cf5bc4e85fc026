import type { Topology } from '../../stream/topology.ts'

/** Something about a topology that its author may not have meant. */
export interface Finding {
  readonly step: string
  readonly what: string
  /** What comes of it. */
  readonly why: string
  /** How to do it otherwise. */
  readonly mend: string
}

export interface Rule {
  readonly name: string
  /** `error`: it is sure to go wrong; `warning`: it may be meant. */
  readonly level: 'error' | 'warning'
  find(topology: Topology): readonly Finding[] | Promise<readonly Finding[]>
}
