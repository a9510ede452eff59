import { toJsonString } from "@bufbuild/protobuf";
import { FinishReason } from "../client/index.ts";
import { formatUsd } from "../contract/money.ts";
import { type ChatResponse, ChatResponseSchema, type Finished } from "../gen/execution/v1/chat_pb.js";
import { type CommandContext, dim, printable, write } from "./context.ts";
import type { RequestOptions } from "./options.ts";
import { requestOf } from "./request.ts";
import { withClient } from "./target.ts";

/**
 * Sends one message and prints the answer: its text on standard output as it comes; reasoning (on a terminal only), warnings, tool calls and a
 * closing line on standard error. With `--json` each event is one line of ProtoJSON on standard output and nothing else is printed.
 */
export async function chat(message: string, options: RequestOptions, context: CommandContext): Promise<number> {
  const request = await requestOf(message, options, context);
  return withClient(options, context, async (client, settings) => {
    const print = options.json === true ? printJson : createPrinter(context);
    for await (const response of client.chat(request, settings)) await print(response, context);
    return 0;
  });
}

async function printJson(response: ChatResponse, { stdout }: CommandContext): Promise<void> {
  await write(stdout, `${toJsonString(ChatResponseSchema, response)}\n`);
}

/** Where the terminal's cursor is, so that what belongs on a line of its own gets one. */
interface Cursor {
  midLine: boolean;
}

function createPrinter({ stdout, stderr }: CommandContext): (response: ChatResponse) => Promise<void> {
  const cursor: Cursor = { midLine: false };
  let reasoning = false;
  const say = async (words: string): Promise<void> => {
    if (reasoning) await write(stderr, "\n\n");
    reasoning = false;
    await write(stdout, printable(stdout, words));
    if (words !== "") cursor.midLine = !words.endsWith("\n");
  };
  const note = async (line: string): Promise<void> => {
    const onOneTerminal = stdout.isTTY === true && stderr.isTTY === true;
    const separated = reasoning || (cursor.midLine && onOneTerminal) ? "\n" : "";
    reasoning = false;
    if (onOneTerminal) cursor.midLine = false;
    await write(stderr, `${separated}${dim(stderr, line)}\n`);
  };
  return async ({ event }) => {
    switch (event.case) {
      case "textDelta":
      case "refusalDelta":
        return say(event.value.text);
      case "reasoningDelta":
        if (stderr.isTTY !== true) return;
        reasoning = true;
        return write(stderr, dim(stderr, event.value.text));
      case "toolCallFinished":
        return note(`tool call: ${event.value.name} ${event.value.argumentsJson}`);
      case "attemptFailed":
        return note(`attempt failed: ${event.value.reason}`);
      case "warning":
        return note(`warning: ${event.value.text}`);
      case "finished":
        if (cursor.midLine) await write(stdout, "\n");
        cursor.midLine = false;
        if (event.value.reason !== FinishReason.STOP || stderr.isTTY === true) await note(closingLine(event.value));
        return;
      default:
        return;
    }
  };
}

/** Such as `local/fast: 12 tokens in, 40 out, 0.000013 USD, 1.2 s`, with the finish reason if it is not a plain stop. */
function closingLine({ reason, candidate, usage, costNanoUsd, timings }: Finished): string {
  const facts = [
    ...(usage?.inputTotal === undefined ? [] : [`${usage.inputTotal} tokens in`]),
    ...(usage?.outputTotal === undefined ? [] : [`${usage.outputTotal} out`]),
    ...(costNanoUsd === undefined ? [] : [`${formatUsd(costNanoUsd)} USD`]),
    ...(timings?.totalMs === undefined ? [] : [`${(timings.totalMs / 1000).toFixed(1)} s`]),
    ...(reason === FinishReason.STOP ? [] : [`finished with ${FinishReason[reason] ?? reason}`]),
  ];
  return `${candidate?.provider ?? ""}/${candidate?.model ?? ""}: ${facts.join(", ")}`;
}
