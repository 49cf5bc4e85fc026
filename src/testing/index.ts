export { type Driven, type DriveOptions, drive } from './drive.ts'
export { type MarbleHelpers, marbles } from './marbles.ts'
export { type OutputRecord, TestDriver, type TestDriverOptions } from './test-driver.ts'
