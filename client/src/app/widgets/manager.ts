/**
 * WidgetManager: draws the widgets of ipywidgets with its own library, from states that the session told.
 *
 * This module brings that library with it, and is loaded when the first widget is shown. Nothing else is ever loaded
 * for a widget: those of other packages are refused.
 */

import * as base from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import { Widget as LuminoWidget } from "@lumino/widgets";
import { randomName, SagewsError } from "../../lib/index";
import type { CommFrame, Worksheet } from "../../lib/index";
import { h } from "../dom";
import { drawFormulasInText } from "../output/formula";
import type { WidgetViews } from "../output/outputview";
import { sanitiseHtml } from "../output/sanitise";
import { HtmlView } from "./htmlwidget";
import { OutputModel, OutputWidgetView } from "./outputwidget";
import { PageComm } from "./pagecomm";
import type { HeardMessage, Said } from "./pagecomm";
import { RefusedView } from "./refused";
import { updateOf } from "./states";
import type { WidgetStates } from "./states";

export interface ManagerParts {
  readonly worksheet: Worksheet;
  readonly states: WidgetStates;
  readonly views: WidgetViews & { readonly readOnly: boolean };
  /** The session was not given what a widget said. */
  readonly refused: (error: SagewsError) => void;
}

/** A widget that is drawn. */
export interface DrawnWidget {
  /** Puts it into the page; returns what takes it out again. */
  attach(host: HTMLElement): () => void;
  remove(): void;
}

type Classes = { readonly [name: string]: unknown };

const MODULES: { readonly [module: string]: Classes } = {
  "@jupyter-widgets/base": base,
  "@jupyter-widgets/controls": { ...controls, HTMLView: HtmlView, HTMLMathView: HtmlView },
  "@jupyter-widgets/output": { OutputModel, OutputView: OutputWidgetView },
};

export class WidgetManager extends ManagerBase {
  /** What the library calls to have formulas drawn. */
  readonly _rendermime = { latexTypesetter: { typeset: drawFormulasInText } };
  readonly views: WidgetViews;
  readonly #parts: ManagerParts;
  readonly #comms = new Map<string, PageComm>();
  #undone: (() => void)[] = [];

  constructor(parts: ManagerParts) {
    super();
    this.#parts = parts;
    this.views = parts.views;
  }

  /** Draws a widget once more. */
  async viewOf(widget: string): Promise<DrawnWidget> {
    const view = await this.create_view<base.DOMWidgetView>(await this.get_model(widget));
    const remove = (): void => view.luminoWidget.dispose();
    const attach = (host: HTMLElement): (() => void) => {
      LuminoWidget.attach(view.luminoWidget, host);
      return remove;
    };
    return { attach, remove };
  }

  override get_model(widget: string): Promise<base.WidgetModel> {
    if (!this.has_model(widget)) this.#make(widget);
    return super.get_model(widget);
  }

  #make(widget: string): void {
    const state = this.#parts.states.get(widget);
    if (!state) throw new Error(`The session never told of the widget ${widget}.`);
    const comm = new PageComm(widget, (said) => this.#say(said));
    this.#comms.set(widget, comm);
    const options = {
      model_name: String(state["_model_name"]),
      model_module: String(state["_model_module"]),
      model_module_version: String(state["_model_module_version"]),
      comm,
    };
    void this.new_model(options, state as never);
  }

  // --- what the session says

  hear(frame: CommFrame): void {
    const comm = this.#comms.get(frame.content.comm_id);
    if (!comm) return;
    const heard = (data: unknown, buffers: readonly Uint8Array[] = []): HeardMessage => ({
      content: { data },
      buffers: buffers.map((buffer) => new DataView(new Uint8Array(buffer).buffer)),
      parent_header: { msg_id: frame.run },
    });
    if (frame.type === "comm_close") {
      this.#comms.delete(frame.content.comm_id);
      comm.closed(heard({}));
    } else if (frame.type === "comm_msg") {
      const update = updateOf(frame);
      comm.hear(update ? heard(update) : heard(structuredClone(frame.content.data), frame.content.buffers));
    }
  }

  /** The session has done what it was told to: the library sends what it held back meanwhile. */
  idle(): void {
    for (const done of this.#undone.splice(0)) done();
  }

  // --- what the page says

  #say({ comm, data, buffers, done }: Said): string {
    if (this.#parts.views.readOnly) return "";
    const name = randomName(8);
    this.#undone.push(done);
    const content = { comm_id: comm, data: data as never, buffers: buffers.map(bytesOf) };
    this.#parts.worksheet.comm({ type: "comm_msg", content, name }).catch((error: unknown) => {
      if (!(error instanceof SagewsError)) throw error;
      this.#parts.refused(error);
      this.idle();
    });
    return name;
  }

  // --- for the library

  protected override async loadClass(name: string, module: string): Promise<never> {
    const found = MODULES[module];
    const refused = name.endsWith("Model") ? base.DOMWidgetModel : RefusedView;
    return (found ? found[name] : refused) as never;
  }

  protected override _create_comm(): Promise<never> {
    return Promise.reject(new Error("A page shows the widgets of a session, and makes none."));
  }

  protected override _get_comm_info(): Promise<object> {
    return Promise.resolve({});
  }

  override inline_sanitize(source: string): string {
    return h("span", {}, sanitiseHtml(source)).innerHTML;
  }
}

function bytesOf(buffer: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(buffer)) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

let style: Promise<void> | null = null;

/** The style of widgets, whose address the page names. */
export function loadStyle(): Promise<void> {
  return (style ??= new Promise((resolve, reject) => {
    const named = document.querySelector<HTMLMetaElement>("meta[name=widgets-style]");
    const link = h("link", { rel: "stylesheet", href: named?.content ?? "" });
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => reject(new Error("The style of widgets could not be loaded.")));
    document.head.append(link);
  }));
}
