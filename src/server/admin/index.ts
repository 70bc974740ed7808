export { adminRoutes, createLocalSender, type AdminOperation } from "./api.ts";
export { auditOperations } from "./audited.ts";
export { createAdminClient, type AdminClient, type AdminSender } from "./client.ts";
export { adminContracts, type OperationAnswer, type OperationContract, type OperationInput } from "./contracts/index.ts";
export { createAdminOperations, type AdminDeps } from "./operations.ts";
export type { SecretsDeps } from "./secrets.ts";
export type { SystemDeps } from "./system.ts";
export { TextStream } from "./text-stream.ts";
