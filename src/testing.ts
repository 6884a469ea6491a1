export { describeSessionStore } from './store/contract.ts';
export type { ContractRunner, ContractStoreOptions, MakeSessionStore } from './store/contract-kit.ts';
