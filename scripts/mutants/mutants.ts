import { brokerMutants } from './broker.ts'
import { clickhouseMutants } from './clickhouse.ts'
import { kafkaMutants } from './kafka.ts'
import type { Mutant } from './mutant.ts'
import { runtimeMutants } from './runtime.ts'
import { sourceMutants } from './source.ts'
import { stateMutants } from './state.ts'

/** In the order of the data path. */
export const mutants: readonly Mutant[] = [
  ...sourceMutants,
  ...kafkaMutants,
  ...runtimeMutants,
  ...stateMutants,
  ...clickhouseMutants,
  ...brokerMutants,
]
