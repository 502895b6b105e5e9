/**
 * Site: the connection to a site, and its workspaces.
 *
 * Where there is more than one way to begin, begin here:
 *
 *     const site = new Site({ addresses: [location.origin] });
 *     site.connect();
 *     const result = await site.workspace(id).execute("scratch", "sage", "factor(2^64+1)");
 */

import { Api } from "./api";
import { randomName } from "./cells";
import { Connection, PATIENCE } from "./connection";
import type { ConnectionState, Patience } from "./connection";
import { SagewsError } from "./errors";
import { Emitter } from "./events";
import { Keepsakes } from "./keepsakes";
import type { StorageLike } from "./keepsakes";
import { frame as makeFrame, PROTOCOL } from "./messages";
import type { Content, Frame } from "./messages";
import { openStandardSocket } from "./socket";
import { Origins } from "./origins";
import type { OpenSocket } from "./socket";
import { realTiming } from "./timing";
import type { Timing } from "./timing";
import { Workspace } from "./workspace";

/** What a site is reached by. */
export interface SiteOptions {
  /** Origins of the site ("https://sage.example"), the best first; the site adds others that it knows. */
  readonly addresses: readonly string[];
  /** Standard: SockJS in a browser, a websocket elsewhere. */
  readonly openSocket?: OpenSocket | undefined;
  /** An API token, for scripts; browsers are signed in by a cookie. */
  readonly token?: string | undefined;
  /** The name of this tab or script; standard: a random one. */
  readonly client?: string | undefined;
  /** What this program is called, in the site's log. */
  readonly build?: string | undefined;
  /** Keeps edits that are not acknowledged yet over a reload (localStorage). */
  readonly storage?: StorageLike | undefined;
  /** Remembers uploads that are not finished over a reload of this tab (sessionStorage). */
  readonly tabStorage?: StorageLike | undefined;
  /** Is given what is to be called when the network is there again; returns how to stop that. */
  readonly onOnline?: ((wake: () => void) => () => void) | undefined;
  readonly timing?: Timing | undefined;
  readonly patience?: Partial<Patience> | undefined;
  readonly fetch?: typeof fetch | undefined;
}

export interface SiteEvents {
  state: ConnectionState;
  /** Something went wrong that stops nothing: a message that is none, a storage that is full. */
  problem: SagewsError;
}

export class Site extends Emitter<SiteEvents> {
  readonly api: Api;
  /** The name of this tab or script. */
  readonly client: string;
  readonly #connection: Connection;
  readonly #origins: Origins;
  readonly #timing: Timing;
  readonly #keepsakes: Keepsakes;
  readonly #workspaces = new Map<string, Workspace>();
  readonly #unsubscribe: (() => void) | undefined;
  #welcome: Content<"welcome"> | null = null;
  #number = 0;

  constructor(options: SiteOptions) {
    super();
    const { addresses, token = "", client = randomName(12), build = "sagews.js", storage } = options;
    const { fetch, tabStorage } = options;
    this.client = client;
    this.#timing = options.timing ?? realTiming;
    this.#keepsakes = new Keepsakes(storage, client, (error) => this.#storageFailed(error));
    const role = token ? "script" : "browser";
    const hello = {
      protocol_minimum: PROTOCOL,
      protocol_maximum: PROTOCOL,
      build,
      role,
      token,
      client,
    } as const;
    this.#origins = new Origins(addresses);
    this.#connection = new Connection({
      origins: this.#origins,
      openSocket: options.openSocket ?? openStandardSocket,
      hello: () => makeFrame("hello", hello),
      timing: this.#timing,
      patience: { ...PATIENCE, ...options.patience },
    });
    this.#connection.on("state", (state) => this.#changed(state));
    this.#connection.on("welcome", (welcome) => this.#welcomed(welcome));
    this.#connection.on("frame", (frame) => this.#hear(frame));
    this.#connection.on("problem", (problem) => this.emit("problem", problem));
    this.#unsubscribe = options.onOnline?.(() => this.retry());
    const isOpen = (): boolean => this.#connection.state.name === "open";
    this.api = new Api({ origins: this.#origins, isOpen, token, fetch, tabStorage });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The address that is used now ("https://sage.example"); another one, when it does not answer. */
  get address(): string {
    return this.#origins.current;
  }

  /** Learns the other addresses of the site, without a connection; it learns them from a connection by itself. */
  async findAddresses(): Promise<void> {
    this.#origins.add(await this.api.addresses());
  }

  /** Names of the environments that a worksheet can have, the standard one first; empty until it was open once. */
  get environments(): readonly string[] {
    return this.#welcome?.environments ?? [];
  }

  /** The id of the account that is signed in; "" until it was open once. */
  get account(): string {
    return this.#welcome?.account ?? "";
  }

  /** Edits in all worksheets that are not known to be kept by the server yet. */
  get unacknowledged(): number {
    return [...this.#workspaces.values()].reduce((sum, workspace) => sum + workspace.unacknowledged, 0);
  }

  /** Connects, and connects again whenever the connection is lost. Doing it twice does no harm. */
  connect(): void {
    this.#connection.connect();
  }

  /** Tries again now, where it is offline; where it is open, looks whether that is still true. */
  retry(): void {
    this.#connection.retry();
  }

  /** Sends or writes down what was edited, now; for a page that is about to go. */
  flush(): void {
    for (const workspace of this.#workspaces.values()) workspace.flush();
  }

  /** Ends the connection. Worksheets are closed; what is not acknowledged is in the storage, if there is one. */
  close(): void {
    this.flush();
    this.#unsubscribe?.();
    for (const workspace of this.#workspaces.values()) workspace.close();
    this.#workspaces.clear();
    this.#connection.close();
  }

  /** The workspace with this id; always the same object. `attach()` begins to follow it. */
  workspace(id: string): Workspace {
    const known = this.#workspaces.get(id);
    if (known) return known;
    const workspace = new Workspace(id, {
      client: this.client,
      connection: this.#connection,
      keepsakes: this.#keepsakes,
      timing: this.#timing,
      number: () => (this.#number += 1),
    });
    this.#workspaces.set(id, workspace);
    return workspace;
  }

  #changed(state: ConnectionState): void {
    if (state.name !== "open") {
      const refusal = state.name === "refused" ? state.reason : undefined;
      for (const workspace of this.#workspaces.values()) workspace.connectionLost(refusal);
    }
    this.emit("state", state);
  }

  #welcomed(welcome: Content<"welcome">): void {
    this.#welcome = welcome;
    for (const workspace of this.#workspaces.values()) workspace.connectionOpened();
  }

  #hear(frame: Frame): void {
    if (frame.workspace) this.#workspaces.get(frame.workspace)?.hearFrame(frame);
    else if (frame.type === "refused") {
      this.emit("problem", new SagewsError(frame.content.code, frame.content.what, frame.content.what_to_do));
    }
  }

  #storageFailed(error: unknown): void {
    const what = `Unsaved edits cannot be kept in the browser's storage (${String(error)}).`;
    this.emit(
      "problem",
      new SagewsError("over_limit", what, "Do not close the page while edits are unsaved."),
    );
  }
}
