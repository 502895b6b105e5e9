/** Site: the connection to a site, and its workspaces. (Skeleton.) */

import type { Api } from "./api";
import type { SagewsError } from "./errors";
import { Emitter } from "./events";
import type { Timing } from "./timing";
import type { Workspace } from "./workspace";

/** What the library needs of a socket: a WebSocket's or SockJS's own names. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

/** What the library needs of localStorage or sessionStorage. */
export interface StorageLike {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The state of the connection to the site. */
export interface ConnectionState {
  /**
   * connecting: trying; open: all is well; offline: waits until `retryAt`; refused: the site wants no connection
   * (`reason`, for example not_signed_in), `connect()` tries again; closed: not connected, and nobody wants to be.
   */
  readonly name: "connecting" | "open" | "offline" | "refused" | "closed";
  /** Unix time in milliseconds. */
  readonly since: number;
  /** Where it is offline: Unix time in milliseconds of the next try. */
  readonly retryAt?: number;
  readonly reason?: SagewsError;
  /** Where it is open: the address. */
  readonly address?: string;
}

export interface SiteOptions {
  /** Origins of the site ("https://sage.example"), the best first. */
  readonly addresses: readonly string[];
  /** Opens a socket to an address such as "https://sage.example/sockjs"; standard: SockJS, in Node a websocket. */
  readonly openSocket?: (url: string) => SocketLike | Promise<SocketLike>;
  /** A token, for scripts; browsers are signed in by a cookie. */
  readonly token?: string;
  /** The name of this tab or script; standard: a random one. */
  readonly client?: string;
  /** Keeps edits that are not acknowledged yet over a reload. */
  readonly storage?: StorageLike;
  /** Calls back when the network is there again; returns how to stop that. */
  readonly onOnline?: (wake: () => void) => () => void;
  readonly timing?: Timing;
}

export interface SiteEvents {
  state: ConnectionState;
}

export class Site extends Emitter<SiteEvents> {
  declare readonly api: Api;
  declare readonly client: string;
  declare readonly state: ConnectionState;
  /** Names of the environments that a worksheet can have; known once open. */
  declare readonly environments: readonly string[];

  constructor(_options: SiteOptions) {
    super();
  }

  connect(): void {}
  /** Tries again now, where the connection is offline. */
  retry(): void {}
  /** Writes down what was typed but not sent yet; for a page that is about to go. */
  flush(): void {}
  close(): void {}

  workspace(_id: string): Workspace {
    throw new Error("Not here yet.");
  }
}
