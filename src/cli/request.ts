import { type ChatRequestInit, Role, text } from "../client/index.ts";
import { type CommandContext, CommandError } from "./context.ts";
import type { RequestOptions } from "./options.ts";

/** The request of one message and the options of a command; the message `-` is read from standard input. Throws a CommandError if it is empty. */
export async function requestOf(
  message: string,
  { persona, provider, model, system }: RequestOptions,
  context: CommandContext,
): Promise<ChatRequestInit> {
  const said = message === "-" ? await readAll(context) : message;
  if (said.trim() === "") throw new CommandError("there is nothing to send: the message is empty");
  const messages = [{ role: Role.USER, parts: [text(said)] }];
  if (system !== undefined) messages.unshift({ role: Role.SYSTEM, parts: [text(system)] });
  return {
    messages,
    ...(persona === undefined ? {} : { persona }),
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
  };
}

async function readAll({ stdin }: CommandContext): Promise<string> {
  let whole = "";
  stdin.setEncoding("utf8");
  for await (const chunk of stdin) whole += String(chunk);
  return whole;
}
