export { describeSessionStore } from './store/contract/contract.ts';
export type { ContractRunner, ContractStoreOptions, MakeSessionStore } from './store/contract/contract-kit.ts';
