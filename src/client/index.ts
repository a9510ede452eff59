export { type ChatEventCase, isContent } from "../contract/events.ts";
export { createFold, type Fold, fold } from "../contract/fold.ts";
export { AdminService } from "../gen/execution/v1/admin_pb.js";
export {
  type Budget,
  BudgetMode,
  BudgetScope,
  BudgetUnit,
  BudgetWindow,
} from "../gen/execution/v1/budgets_pb.js";
export { type CapabilitiesResponse, Capability, Support } from "../gen/execution/v1/capabilities_pb.js";
export {
  type ChatResponse,
  FallbackPolicy,
  FinishReason,
  Modality,
  OnDisconnect,
  ReasoningEffort,
  type Warning,
} from "../gen/execution/v1/chat_pb.js";
export {
  Executor,
  type Message,
  MessageRole,
  MessageRole as Role,
  type Part,
  type ToolCallPart,
} from "../gen/execution/v1/content_pb.js";
export { ExecutionService } from "../gen/execution/v1/execution_pb.js";
export type { PlanResponse } from "../gen/execution/v1/plan_pb.js";
export { ToolChoiceMode } from "../gen/execution/v1/tools_pb.js";
export type { Usage } from "../gen/execution/v1/usage_pb.js";
export { type AdminClient, createAdminClient } from "./admin.ts";
export { ChatError, type ErrorDetails, type StatusCode } from "./chat-error.ts";
export type { ChatResult, ChatStream } from "./chat-stream.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export { audio, document, image, text, toolResult } from "./parts.ts";
export type { PersonaClient, PersonaInput } from "./persona.ts";
export type { CallOptions, ChatRequestInit, MessageInit } from "./request.ts";
