import { type Message, MessageRole, type Part } from "../../gen/execution/v1/content_pb.js";
import { invalidField } from "../notes.ts";
import { OWNER } from "./blocks.ts";
import { assistantBlocks } from "./request-assistant.ts";
import {
  compact,
  contentBlocks,
  ignoreName,
  instructionBlocks,
  resultBlocks,
  systemBlocks,
} from "./request-content.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import type { WireBlock, WireBody, WireMessage } from "./request-wire.ts";

/**
 * Builds `system` and `messages`. The instructions before the first other message are `system`, each part a block of it; later ones stay where
 * they are, on models that allow it. Results of tools and the user message right after them are one message, because the wire wants results at
 * the beginning of the next user turn. Nothing else is merged. Throws CAPABILITY_MISSING for later instructions where the model takes none, and
 * INVALID_FIELD if no message is left.
 */
export function buildMessages(all: readonly Message[], context: BuildContext): Pick<WireBody, "system" | "messages"> {
  const first = all.findIndex((message) => !isInstruction(message));
  const leading = first === -1 ? all.length : first;
  const system = all
    .slice(0, leading)
    .flatMap((message, index) => blocksOf(message, `messages[${index}]`, context, systemBlocks));
  const turns: Turn[] = [];
  for (const [index, message] of all.entries()) {
    ignoreName(message, `messages[${index}]`, context);
    if (index < leading) continue;
    const turn = turnOf(message, `messages[${index}]`, context);
    const previous = turns.at(-1);
    if (previous?.isOpen === true && turn.role === "user") {
      previous.blocks.push(...turn.blocks);
      previous.isOpen = turn.isOpen;
    } else {
      turns.push(turn);
    }
  }
  const messages = turns.flatMap(({ role, blocks, path }): WireMessage[] => {
    if (blocks.length > 0) return [{ role, content: compact(blocks) }];
    context.ignored(path, `it is empty, and ${OWNER} takes no empty messages`);
    return [];
  });
  if (messages.length === 0) throw invalidField("messages", "need one that is not empty and no instruction");
  return { ...(system.length > 0 && { system: compact(system) }), messages };
}

/** A message of the wire while it is put together; open while it holds results of tools only, to which the next message may belong. */
interface Turn {
  readonly role: WireMessage["role"];
  readonly blocks: WireBlock[];
  readonly path: string;
  isOpen: boolean;
}

function turnOf(message: Message, path: string, context: BuildContext): Turn {
  switch (message.role) {
    case MessageRole.ASSISTANT:
      return { role: "assistant", blocks: assistantBlocks(message, path, context), path, isOpen: false };
    case MessageRole.TOOL:
      return { role: "user", blocks: resultBlocks(message, path, context), path, isOpen: true };
    case MessageRole.USER:
      return { role: "user", blocks: blocksOf(message, path, context, contentBlocks), path, isOpen: false };
    default:
      if (!context.quirks.systemMessages) throw cannotCarry(path, "instructions after the first messages");
      return { role: "system", blocks: blocksOf(message, path, context, instructionBlocks), path, isOpen: false };
  }
}

const isInstruction = ({ role }: Message): boolean => role === MessageRole.SYSTEM || role === MessageRole.DEVELOPER;

/** What each part of a message becomes. */
function blocksOf<Block>(
  { parts }: Message,
  path: string,
  context: BuildContext,
  build: (part: Part, path: string, context: BuildContext) => Block[],
): Block[] {
  return parts.flatMap((part, index) => build(part, `${path}.parts[${index}]`, context));
}
