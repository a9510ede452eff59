/**
 * Completes `package-lock.json` after a dependency changed. npm silently leaves optional platform packages out of the
 * lock when the registry at hand does not serve them, and then `npm ci` refuses that lock. Each one missing is added
 * with the exact version its parent asks for and the platform its name states, so the lock installs on every
 * platform; entries npm wrote itself are not touched.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const path = join(import.meta.dirname, "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"];
const aliases = new Map([
  ["aarch64", "arm64"],
  ["armv7", "arm"],
  ["wasi", "wasm32"],
]);

/** @param {string} name a platform package, for example `@swc/core-win32-x64-msvc` */
function platformOf(name) {
  const words = (name.split("/").at(-1) ?? "").split("-").map((word) => aliases.get(word) ?? word);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : [];
  if (cpu.length === 0) throw new Error(`${name}: no processor in its name; complete the lock by hand.`);
  return { cpu, libc, os };
}

const missing = Object.values(lock.packages).flatMap((parent) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name, range]) => !lock.packages[`node_modules/${name}`] && /^\d+\.\d+\.\d+$/.test(range))
    .map(([name, version]) => ({ name, version, dev: parent.dev })),
);
for (const { name, version, dev } of missing) {
  const { cpu, libc, os } = platformOf(name);
  lock.packages[`node_modules/${name}`] = {
    version,
    cpu,
    ...(dev && { dev }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}
// The root's own entry has the empty name and so stays first.
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(sorted);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${missing.length} platform packages added\n`);
