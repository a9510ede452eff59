import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// A server that does nothing, in a process of its own: how long its answers take is what the machine alone costs at that time.

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end("event: done"));
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit(0));
