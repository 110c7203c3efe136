/** Names what a benchmark ran on, as far as the runtime tells. */

export interface Machine {
  runtime: string;
  /** Name of the processor, where it is known. */
  cpu?: string;
  /** Version of the package and of its bits. */
  build: string;
  threads: number;
}

interface Host {
  Deno?: { version: { deno: string } };
  Bun?: { version: string };
  process?: { versions?: { node?: string } };
  navigator?: { userAgent?: string };
}

/** Browsers have each other's names in their user agents: the first pattern that fits counts. */
const BROWSERS = [
  { name: 'Firefox', pattern: /Firefox\/([\d.]+)/ },
  { name: 'Edge', pattern: /Edg\/([\d.]+)/ },
  { name: 'Chromium', pattern: /Chrome\/([\d.]+)/ },
  { name: 'WebKit', pattern: /Version\/([\d.]+).*Safari/ },
];

/** Returns name and version of the runtime. */
export function runtimeName(): string {
  const host = globalThis as Host;
  if (host.Deno) return `Deno ${host.Deno.version.deno}`;
  if (host.Bun) return `Bun ${host.Bun.version}`;
  const agent = host.navigator?.userAgent ?? '';
  if (agent === 'Cloudflare-Workers') return 'workerd';
  if (host.process?.versions?.node) return `Node ${host.process.versions.node}`;
  for (const { name, pattern } of BROWSERS) {
    const version = pattern.exec(agent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return 'an unknown runtime';
}
