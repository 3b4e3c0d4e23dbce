// Serves the built page in front of a running server, with the headers that the server itself gives the page. For work on
// the page without building the server: `vite build && node e2e/preview.mjs http://127.0.0.1:8700 8790`.

import { createReadStream, existsSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const [api = "http://127.0.0.1:8700", port = "8790"] = process.argv.slice(2);
const dist = process.env.CONSOLE_DIST ?? fileURLToPath(new URL("../dist", import.meta.url));
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

createServer((incoming, outgoing) => {
  const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
  if (pathname === "/") {
    outgoing.writeHead(302, { location: "/console/" }).end();
    return;
  }
  if (pathname.startsWith("/console/")) {
    const file = join(dist, normalize(pathname.slice("/console".length)).replace(/\/$/, "/index.html"));
    if (!file.startsWith(dist) || !existsSync(file)) {
      outgoing.writeHead(404).end();
      return;
    }
    outgoing.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": CSP,
      "x-content-type-options": "nosniff",
    });
    createReadStream(file).pipe(outgoing);
    return;
  }
  const target = new URL(incoming.url ?? "/", api);
  const headers = { ...incoming.headers, host: target.host };
  delete headers.origin;
  const sent = forward(target, { method: incoming.method, headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  sent.on("error", () => outgoing.writeHead(502).end());
  outgoing.on("close", () => sent.destroy());
  incoming.pipe(sent);
}).listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/console/`));
