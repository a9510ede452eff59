import { createRegistry, type DescMessage, type Message } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError, createRouterTransport, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { toStatus } from "../../src/contract/error-details.ts";
import type { ExecutionError } from "../../src/errors.ts";
import { file_execution_v1_errors } from "../../src/gen/execution/v1/errors_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { file_google_rpc_error_details } from "../../src/gen/google/rpc/error_details_pb.js";

const registry = createRegistry(file_google_rpc_error_details, file_execution_v1_errors);

/** A transport that answers in memory with the given methods; the others answer UNIMPLEMENTED. */
export function inMemory(methods: Partial<ServiceImpl<typeof ExecutionService>>): Transport {
  return createRouterTransport(({ service }) => service(ExecutionService, methods));
}

/** A failure with the details the gateway would send for it. */
export function wireError(error: ExecutionError, requestId = "req_1"): ConnectError {
  const status = toStatus(error, requestId);
  return new ConnectError(status.message, status.code, undefined, status.details.map(unpack));
}

function unpack(detail: Any): { readonly desc: DescMessage; readonly value: Message } {
  const value = anyUnpack(detail, registry);
  const desc = value === undefined ? undefined : registry.getMessage(value.$typeName);
  if (value === undefined || desc === undefined) throw new Error(`a detail of unknown type ${detail.typeUrl}`);
  return { desc, value };
}
