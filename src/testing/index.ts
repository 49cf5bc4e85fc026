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
export type { DeploymentOptions } from './simulation/deployment.ts'
export { type FaultKind, type FaultRates, faultKinds } from './simulation/faults.ts'
export { type SimulateOptions, type SimulationReport, simulate } from './simulation/simulate.ts'
export type { ClickHouseFaults, SimulatedClickHouseOptions } from './simulation/simulated-clickhouse.ts'
export type { SimulatedRecord } from './simulation/simulation.ts'
export { type InputRecord, TestDriver, type TestDriverOptions } from './test-driver.ts'
