import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A registry of npm on this machine, which has only the packages of a folder. */
export interface PackageRegistry {
  /** `http://127.0.0.1:PORT/`, for `npm_config_registry`. */
  readonly url: string;
  /** Names of the archives that were downloaded. */
  readonly downloads: readonly string[];
  close(): Promise<void>;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** @param folder has archives as `npm pack` writes them. */
export async function servePackages(folder: string): Promise<PackageRegistry> {
  const archives = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const downloads: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const archive = archives.find((name) => path === `archives/${name}`);
    if (archive !== undefined) {
      downloads.push(archive);
      createReadStream(join(folder, archive)).pipe(response);
      return;
    }
    const document = documents.get(path);
    response.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(document?.(url) ?? { error: "not found" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const documents = new Map(archives.map((archive) => describeArchive(folder, archive)));
  return {
    url,
    downloads,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** What the registry says of a package that has one version. */
function describeArchive(folder: string, archive: string): [name: string, document: (url: string) => object] {
  const file = join(folder, archive);
  const manifest = JSON.parse(execFileSync("tar", ["-xzOf", file, "package/package.json"], { encoding: "utf8" })) as Manifest;
  const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  const { name, version } = manifest;
  return [
    name,
    (url) => ({
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { ...manifest, dist: { tarball: `${url}archives/${archive}`, integrity } } },
    }),
  ];
}
