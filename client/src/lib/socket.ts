/** Sockets: how the library reaches a site's SockJS endpoint. */

/** What the library needs of a socket, in the words of WebSocket and SockJS. */
export interface SocketLike {
  // The handlers' events differ between WebSocket and SockJS; only a message's `data` is looked at.
  onopen: ((event: any) => any) | null;
  onmessage: ((event: any) => any) | null;
  onclose: ((event: any) => any) | null;
  onerror?: ((event: any) => any) | null;
  send(text: string): void;
  close(): void;
}

/** Opens a socket to an address such as "https://sage.example/sockjs". */
export type OpenSocket = (url: string) => SocketLike | Promise<SocketLike>;

/** Those of SockJS's transports that bring cookies also to another origin, which another address of the site is. */
const EVERYWHERE = ["websocket", "xhr-streaming", "xhr-polling"];
const SAME_ORIGIN = [...EVERYWHERE, "eventsource", "htmlfile", "jsonp-polling"];

/** SockJS in a browser, which gets through any proxy; a plain websocket elsewhere (Node 22 or later). */
export const openStandardSocket: OpenSocket = async (url) => {
  if (typeof document === "undefined") return openWebSocket(url);
  const { default: SockJS } = await import("sockjs-client");
  const transports = new URL(url).origin === location.origin ? SAME_ORIGIN : EVERYWHERE;
  return new SockJS(url, null, { transports }) as SocketLike;
};

/** A plain websocket, without SockJS's other transports. */
export function openWebSocket(url: string): SocketLike {
  return new WebSocket(`${url.replace(/^http/, "ws")}/websocket`);
}
