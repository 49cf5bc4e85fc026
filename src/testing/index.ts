export type { ContractCheck } from './contracts/contract-check.ts'
export { type SerdeContractOptions, serdeContract } from './contracts/serde-contract.ts'
export { type SinkContractOptions, type SinkUnderTest, sinkContract } from './contracts/sink-contract.ts'
export {
  type SourceContractOptions,
  type SourceUnderTest,
  sourceContract,
} from './contracts/source-contract.ts'
export { type Driven, type DriveOptions, drive } from './drive.ts'
export type { OutputRecord, ReadRecord } from './driver-outputs.ts'
export { type MarbleHelpers, marbles } from './marbles.ts'
export type { Invariant, OutputOrder, Violation } from './simulation/comparison.ts'
export type { DeploymentOptions } from './simulation/deployment.ts'
export { type Fault, type FaultKind, type FaultRates, faultKinds } from './simulation/faults.ts'
export type { Feed, FeedMessage } from './simulation/feed.ts'
export type { Plan, PlannedMessage, PlannedRecord } from './simulation/plan.ts'
export {
  replay,
  type SimulatedEnvironment,
  type SimulatedRecord,
  type SimulateOptions,
  type SimulationFailure,
  type SimulationReport,
  simulate,
} from './simulation/simulate.ts'
export type { ClickHouseFaults, SimulatedClickHouseOptions } from './simulation/simulated-clickhouse.ts'
export type { SimulatedTopology } from './simulation/simulation.ts'
export { type InputRecord, TestDriver, type TestDriverOptions } from './test-driver.ts'
