export { describeSessionStore } from './store/contract/contract.ts';
export type { ContractRunner, ContractStoreOptions, MakeSessionStore } from './store/contract/contract-kit.ts';
export { describeRemoteLog } from './store/contract/contract-log.ts';
export type { MakeRemoteLog } from './store/contract/contract-log.ts';
