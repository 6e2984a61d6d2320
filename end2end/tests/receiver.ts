// A program that webhooks call, on this machine and without TLS: no worker calls it unless whoever starts it says so.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** What lets a worker call it. */
export const LETS_CALL = { DRYDOCK_OUTBOUND_ALLOW: "127.0.0.1/32", DRYDOCK_OUTBOUND_PLAIN_HTTP: "1" };

/** Keeps what it got, and answers each call with the status that `says` gives; counts from 0. */
export async function receiver(says: (body: string, call: number) => number) {
  const calls: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    response.writeHead(says(body, calls.length)).end("Thank you.");
    calls.push({ headers: request.headers, body });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => { server.closeAllConnections(); server.close(); };
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { calls, close, origin, address: `${origin}/hooks/kept-to-itself` };
}
