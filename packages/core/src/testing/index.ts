export { testAdapterContract } from "./adapter-contract.ts";
export type {
  AdapterContractOptions,
  AdapterContractSample,
  ContractRunner,
} from "./adapter-contract.ts";
export type { ContractBackend } from "./adapter-subject.ts";
export { drain } from "./drain.ts";
export type { DrainOptions } from "./drain.ts";
export { createTestDatabase } from "./test-database.ts";
export type { TestDatabase, TestDatabaseOptions } from "./test-database.ts";
export type { BusyJobs, TestRow } from "./test-database-store.ts";
export { recordEvents, waitForEvent } from "./wait-for-event.ts";
export type { EventNamed, EventRecorder, WaitForEventOptions } from "./wait-for-event.ts";
