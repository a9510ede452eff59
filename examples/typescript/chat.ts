// Streams one answer. Run it against `npm start`: node examples/typescript/chat.ts "Why is the sky blue?"
import { ChatError, createClient, Role, text } from "execution-platform/client";

const [question = "Why is the sky blue?"] = process.argv.slice(2);
const client = createClient({ baseUrl: "http://127.0.0.1:50051" });
try {
  for await (const { event } of client.chat({ messages: [{ role: Role.USER, parts: [text(question)] }] })) {
    if (event.case === "textDelta") process.stdout.write(event.value.text);
    if (event.case === "warning") console.error(`warning: ${event.value.text}`);
    if (event.case === "finished") console.log(`\n${event.value.usage?.outputTotal} tokens`);
  }
} catch (error) {
  if (!(error instanceof ChatError)) throw error;
  console.error(`${error.reason}: ${error.message}`);
  process.exitCode = 1;
}
