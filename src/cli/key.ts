import { randomBytes } from "node:crypto";
import { hashKey } from "../server/auth.ts";
import { type CommandContext, CommandError, write } from "./context.ts";

/** Makes a random API key of 256 bits and prints it once, with the configuration lines that hold its hash. */
export async function key({ name }: { readonly name: string }, { stdout }: CommandContext): Promise<number> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw new CommandError(
      "a key's name has letters, digits, dots, dashes and underscores, and starts with a letter or digit",
    );
  }
  const made = `ep_${randomBytes(32).toString("base64url")}`;
  await write(stdout, keyText(name, made));
  return 0;
}

function keyText(name: string, made: string): string {
  return `API key, shown this once: ${made}

Accept it in execution-platform.yaml:

auth:
  keys:
    ${name}:
      sha256: ${hashKey(made)}

or in the environment: EP_AUTH_KEYS_SHA256=${name}:${hashKey(made)}

Callers send it as \`authorization: Bearer KEY\`; chat, plan, capabilities and costs read it from EXECUTION_PLATFORM_API_KEY.
`;
}
