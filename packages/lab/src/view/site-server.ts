/** Serves the built viewer, and files that it is to open, on loopback. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
};

/** Handles a request that is no file of the site; returns false to leave it. */
export type ExtraHandler = (path: string, response: ServerResponse) => boolean;

/** A server that runs. */
export interface SiteServer {
  /** Where the site is, with a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** What a site is served with. */
export interface SiteOptions {
  /** The folder of the built viewer. */
  readonly folder: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Paths (without the slash in front) at which single files are offered. */
  readonly files?: ReadonlyMap<string, string>;
  readonly handle?: ExtraHandler;
}

/** Starts a server on 127.0.0.1. Rejects with the system's error when the port is taken. */
export async function serveSite(options: SiteOptions): Promise<SiteServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch(() => refuse(response, 404));
  });
  await listening(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: SiteOptions,
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname).replace(
    /^\/+/,
    "",
  );
  if (options.handle?.(path, response) === true) return;
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuse(response, 405);
    return;
  }
  const offered = options.files?.get(path);
  const inside = normalize(path === "" ? "index.html" : path);
  if (offered === undefined && (inside.startsWith("..") || inside.includes(`${sep}..`))) {
    refuse(response, 404);
    return;
  }
  const file = offered ?? join(options.folder, inside);
  const { size } = await stat(file);
  response.writeHead(200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-length": size,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  if (request.method === "HEAD") response.end();
  else createReadStream(file).pipe(response);
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(status === 404 ? "There is no such file.\n" : "Only GET is answered.\n");
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
