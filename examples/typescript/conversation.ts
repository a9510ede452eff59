// Asks a persona twice, with the first answer in the second question. Run it against `npm start`: node examples/typescript/conversation.ts
import { createClient, type MessageInit, Role, text } from "execution-platform/client";

const client = createClient({ baseUrl: "http://127.0.0.1:50051" });
const persona = client.persona("default");
const conversation: MessageInit[] = [];
for (const question of ["Why is the sky blue?", "And at sunset?"]) {
  conversation.push({ role: Role.USER, parts: [text(question)] });
  const answer = await persona.chat(conversation, { timeoutMs: 60_000 }).collect();
  conversation.push(...answer.messages);
  console.log(`${answer.provider}/${answer.model}: ${answer.text}`);
}
