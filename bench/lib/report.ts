// Loaded before a measured process's own code: answers the question how much CPU it has used, by its own accounting.
process.on("message", (message) => {
  if (message !== "report") return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, rssBytes: process.memoryUsage.rss() });
});
process.channel?.unref();
