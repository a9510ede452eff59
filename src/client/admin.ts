import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient as createRpcClient, type CallOptions as RpcOptions } from "@connectrpc/connect";
import {
  AdminService,
  type ExportCostsRequestSchema,
  type ExportCostsResponse,
  type WatchCostsRequestSchema,
  type WatchCostsResponse,
} from "../gen/execution/v1/admin_pb.js";
import type {
  Budget,
  BudgetSchema,
  ListBudgetsRequestSchema,
  ListBudgetsResponse,
  WatchBudgetsRequestSchema,
  WatchBudgetsResponse,
} from "../gen/execution/v1/budgets_pb.js";
import { toChatError } from "./chat-error.ts";
import type { ClientOptions } from "./client.ts";
import type { CallOptions } from "./request.ts";
import { createGrpcTransport } from "./transport.ts";

/** A client of a gateway's admin listener. Each method throws a ChatError if its call fails. */
export interface AdminClient {
  /** A page of budgets. */
  listBudgets(
    request?: MessageInitShape<typeof ListBudgetsRequestSchema>,
    options?: CallOptions,
  ): Promise<ListBudgetsResponse>;
  getBudget(budgetId: string, options?: CallOptions): Promise<Budget>;
  /** Puts a budget in force. */
  createBudget(budget: MessageInitShape<typeof BudgetSchema>, options?: CallOptions): Promise<Budget>;
  /** Changes the amount or the description of a budget as it was read, or both: what is there of them. VERSION_CONFLICT if somebody else has changed it since. */
  updateBudget(budget: MessageInitShape<typeof BudgetSchema>, options?: CallOptions): Promise<Budget>;
  /** Takes a budget as it was read out of force. */
  deleteBudget(budget: Pick<Budget, "budgetId" | "version">, options?: CallOptions): Promise<void>;
  /** All budgets, then what changes. It goes on until it is left, fails, or its deadline passes; whoever asks again gets all first. */
  watchBudgets(
    request?: MessageInitShape<typeof WatchBudgetsRequestSchema>,
    options?: CallOptions,
  ): AsyncIterable<WatchBudgetsResponse>;
  /** Costs, then what changes. */
  watchCosts(
    request?: MessageInitShape<typeof WatchCostsRequestSchema>,
    options?: CallOptions,
  ): AsyncIterable<WatchCostsResponse>;
  /** All costs there are, a part at a time. */
  exportCosts(
    request?: MessageInitShape<typeof ExportCostsRequestSchema>,
    options?: CallOptions,
  ): AsyncIterable<ExportCostsResponse>;
  /** Ends the connection and the calls on it. */
  close(): void;
}

/** Where the admin listener is unless configured otherwise. */
const DEFAULT_URL = "http://127.0.0.1:8001";

/** Creates a client of the admin listener, by default that of this machine. Nothing is connected before the first call. */
export function createAdminClient(clientOptions: Omit<ClientOptions, "autoResume"> = {}): AdminClient {
  const { baseUrl = DEFAULT_URL, apiKey, headers, timeoutMs } = clientOptions;
  const { transport, close } =
    clientOptions.transport === undefined
      ? createGrpcTransport(baseUrl)
      : { transport: clientOptions.transport, close: () => undefined };
  const rpc = createRpcClient(AdminService, transport);
  const always = { ...headers, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  let closed = false;
  const settings = (options: CallOptions = {}): RpcOptions => {
    const limit = options.timeoutMs ?? timeoutMs;
    return {
      headers: { ...always, ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(limit === undefined ? {} : { timeoutMs: limit }),
    };
  };
  const failed = (thrown: unknown, options?: CallOptions) =>
    toChatError(thrown, { begun: false, left: closed || options?.signal?.aborted === true });
  const unary = async <Response>(response: Promise<Response>, options?: CallOptions): Promise<Response> => {
    try {
      return await response;
    } catch (thrown) {
      throw failed(thrown, options);
    }
  };
  const budgetOf = async (
    response: Promise<{ readonly budget?: Budget | undefined }>,
    options?: CallOptions,
  ): Promise<Budget> => {
    const { budget } = await unary(response, options);
    if (budget === undefined) throw failed(new Error("the answer has no budget"), options);
    return budget;
  };
  async function* streaming<Response>(
    responses: AsyncIterable<Response>,
    options?: CallOptions,
  ): AsyncGenerator<Response> {
    try {
      yield* responses;
    } catch (thrown) {
      throw failed(thrown, options);
    }
  }
  return {
    listBudgets: (request = {}, options = {}) => unary(rpc.listBudgets(request, settings(options)), options),
    getBudget: (budgetId, options) => budgetOf(rpc.getBudget({ budgetId }, settings(options)), options),
    createBudget: (budget, options) => budgetOf(rpc.createBudget({ budget }, settings(options)), options),
    updateBudget: (budget, options) =>
      budgetOf(rpc.updateBudget({ budget, updateMask: { paths: changesOf(budget) } }, settings(options)), options),
    deleteBudget: async ({ budgetId, version }, options) => {
      await unary(rpc.deleteBudget({ budgetId, version }, settings(options)), options);
    },
    watchBudgets: (request = {}, options = {}) => streaming(rpc.watchBudgets(request, settings(options)), options),
    watchCosts: (request = {}, options = {}) => streaming(rpc.watchCosts(request, settings(options)), options),
    exportCosts: (request = {}, options = {}) => streaming(rpc.exportCosts(request, settings(options)), options),
    close: () => {
      closed = true;
      close();
    },
  };
}

/** What of a budget is there of what can change. */
function changesOf({ amount, description }: MessageInitShape<typeof BudgetSchema>): string[] {
  return [...(amount === undefined ? [] : ["amount"]), ...(description === undefined ? [] : ["description"])];
}
