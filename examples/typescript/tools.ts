// Lets the model call a tool that this program runs. Run it against `npm start`: node examples/typescript/tools.ts
import { createClient, type MessageInit, Role, text, toolResult } from "execution-platform/client";

const tools = [
  {
    name: "get_weather",
    description: "The weather of a city",
    parametersJson: JSON.stringify({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  },
];

/** The arguments are text that the model wrote: they may not be JSON, and not what the schema says. */
function getWeather(argumentsJson: string): string {
  const { city } = JSON.parse(argumentsJson) as { city?: unknown };
  return typeof city === "string" ? `It is sunny in ${city}.` : "There is no such city.";
}

const client = createClient({ baseUrl: "http://127.0.0.1:50051" });
const messages: MessageInit[] = [{ role: Role.USER, parts: [text("Use get_weather: how is Oslo?")] }];
let answer = await client.chat({ messages, tools }).collect();
for (let turn = 0; answer.toolCalls.length > 0 && turn < 5; turn += 1) {
  const results = answer.toolCalls.map(({ id, name, argumentsJson }) => {
    console.log(`${name} ${argumentsJson}`);
    return toolResult(id, getWeather(argumentsJson));
  });
  messages.push(...answer.messages, { role: Role.TOOL, parts: results });
  answer = await client.chat({ messages, tools }).collect();
}
console.log(answer.text);
