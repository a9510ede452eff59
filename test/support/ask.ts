import { ChatError, type Client, Role, text } from "../../src/client/index.ts";

/** Makes one call, and says what it was answered with: `answered`, or the reason of its refusal. */
export async function ask(client: Client): Promise<string> {
  try {
    await client.chat({ messages: [{ role: Role.USER, parts: [text("hi")] }] }).collect();
    return "answered";
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown.reason;
    throw thrown;
  }
}
