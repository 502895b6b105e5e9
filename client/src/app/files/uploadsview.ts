/** UploadsView: what is on its way to a workspace, with progress, and what went wrong. */

import { fill, h } from "../dom";
import { bytesText } from "../output/sizes";
import { button, errorText } from "../pages/shell";
import type { Upload, UploadQueue } from "./uploadqueue";

export class UploadsView {
  readonly close: () => void;
  readonly element = h("div", { class: "uploads", "data-testid": "uploads" });
  readonly #queue: UploadQueue;
  readonly #workspace: string;
  readonly #lines = new Map<Upload, Line>();
  readonly #list = h("ul", { class: "rows", "aria-label": "Uploads" });
  readonly #said = h("div", { class: "hidden-text", "aria-live": "polite" });
  /** Called when a file has arrived. */
  onArrived: () => void = () => undefined;

  constructor(queue: UploadQueue, workspace: string) {
    this.#queue = queue;
    this.#workspace = workspace;
    this.close = queue.listen(() => this.#show());
    this.#show();
  }

  #show(): void {
    const uploads = this.#queue.of(this.#workspace);
    let arrived = false;
    for (const [upload, line] of [...this.#lines]) {
      if (uploads.includes(upload)) continue;
      line.element.remove();
      this.#lines.delete(upload);
      arrived ||= upload.state === "done";
      if (upload.state === "done") this.#said.textContent = `${upload.path} is uploaded.`;
    }
    for (const upload of uploads) {
      const line = this.#lines.get(upload) ?? this.#add(upload);
      line.show();
    }
    if (uploads.length > 0 && !this.#list.isConnected) fill(this.element, this.#list, this.#said);
    if (uploads.length === 0) fill(this.element, this.#said);
    if (arrived) this.onArrived();
  }

  #add(upload: Upload): Line {
    const line = new Line(upload, this.#queue);
    this.#lines.set(upload, line);
    this.#list.append(line.element);
    return line;
  }
}

class Line {
  readonly element: HTMLElement;
  readonly #upload: Upload;
  readonly #queue: UploadQueue;
  readonly #progress = h("progress", { max: 1 });
  readonly #about = h("span", { class: "row-about" });
  readonly #actions = h("span", { class: "row-actions" });
  #shown = "";

  constructor(upload: Upload, queue: UploadQueue) {
    this.#upload = upload;
    this.#queue = queue;
    this.#progress.setAttribute("aria-label", `Upload of ${upload.path}`);
    this.element = h(
      "li",
      { class: "row upload", "data-upload": upload.path },
      h("span", { class: "row-name plain" }, upload.path),
      this.#progress,
      this.#about,
      this.#actions,
    );
  }

  show(): void {
    const { state, sent, size, waiting } = this.#upload;
    this.#progress.hidden = state !== "sending" && state !== "queued";
    this.#progress.value = size > 0 ? sent / size : 0;
    this.element.classList.toggle("failed", state === "failed");
    this.#about.textContent = this.#text(waiting);
    if (state !== this.#shown) fill(this.#actions, this.#buttons());
    this.#shown = state;
  }

  #text(waiting: boolean): string {
    const { state, sent, size, error } = this.#upload;
    if (state === "exists") return "There is a file with this name already.";
    if (state === "failed") return errorText(error);
    if (state === "queued") return `waits · ${bytesText(size)}`;
    return `${bytesText(sent)} of ${bytesText(size)}${waiting ? " · waiting for the site" : ""}`;
  }

  #buttons(): HTMLElement[] {
    const { state, path } = this.#upload;
    const named = (element: HTMLButtonElement, name: string): HTMLButtonElement => {
      element.setAttribute("aria-label", `${name} ${path}`);
      return element;
    };
    const replace = button("Replace it", () => this.#queue.replace(this.#upload), { class: "small" });
    const retry = button("Try again", () => this.#queue.retry(this.#upload), { class: "small" });
    const ended = state === "exists" || state === "failed";
    const name = ended ? "Dismiss" : "Cancel";
    const drop = button(name, () => this.#queue.drop(this.#upload), { class: "quiet small" });
    const buttons = [named(drop, ended ? "Dismiss" : "Cancel the upload of")];
    if (state === "exists") buttons.unshift(named(replace, "Replace"));
    if (state === "failed") buttons.unshift(named(retry, "Try again with"));
    return buttons;
  }
}
